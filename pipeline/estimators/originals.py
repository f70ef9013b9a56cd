"""Columns as they were given, of what a decoder makes of a code."""

import numpy as np
import pandas as pd

from pipeline.data.features.preprocessing import Preprocessing


def columns_of(
    values: np.ndarray, preprocessing: Preprocessing, frame: bool
) -> np.ndarray | pd.DataFrame:
    """The columns that `values`, float64 named as `original_names`, stand for.

    Of numbers alone, where no frame was given, an array (rows, columns); else a DataFrame: truth
    values are those from one half on, dates are of UTC, categories the likeliest.
    """
    numbers = iter(values.T[: len(preprocessing.offset)])
    shares = zip(preprocessing.features_of_categories, preprocessing.vocabularies, strict=True)
    found = {}
    for column in preprocessing.columns:
        if column.is_category:
            places, names = next(shares)
            likeliest = values[:, places.start : places.stop].argmax(axis=1)
            found[column.name] = np.array(names, object)[likeliest]
            continue
        number = next(numbers)
        if column.kind == "boolean":
            found[column.name] = number >= 0.5
        elif column.kind == "date":
            found[column.name] = pd.to_datetime(number, unit="s").to_numpy()
        else:
            found[column.name] = number
    if frame or preprocessing.vocabularies:
        return pd.DataFrame(found)
    return np.column_stack(list(found.values()))
