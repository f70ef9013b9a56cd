"""The labels that `fit` is given: which rows have one, and what the classes are."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from pipeline.data.category import category_name
from pipeline.errors import InputError


def need_labels(estimator: object, y: Any) -> None:
    """Raise `ValueError`, as scikit-learn words it, where there is no target."""
    if y is None:
        name = type(estimator).__name__
        raise ValueError(f"This {name} estimator requires y to be passed, but the target y is None")


def labels_given(y: Any) -> np.ndarray:
    """Labels (rows,) as text or numbers: "" or NaN where one is NaN, None or empty.

    Raises `InputError` for labels of which some are text and others are not, and `ValueError` for
    those of several dimensions.
    """
    values = np.asarray(column_or_1d(y, warn=True))
    missing = np.asarray(pd.isna(values), bool)
    given = values[~missing]
    if values.dtype == object:
        given = np.array(given.tolist())
        if given.dtype.kind == "U" and not all(isinstance(v, str) for v in values[~missing]):
            raise InputError(
                "Unknown label type: labels are all text or all numbers. Given: both. Convert them."
            )
    if not missing.any():
        return given
    if given.dtype.kind == "U":
        result = np.full(len(values), "", given.dtype)
    else:
        result = np.full(len(values), np.nan)
    result[~missing] = given
    return result


def classes_of(labels: np.ndarray) -> np.ndarray:
    """The classes that there are, sorted, of the type that the labels have.

    Raises `ValueError` for numbers that are no classes.
    """
    there = labels[labels != ""] if labels.dtype.kind in "US" else labels[~pd.isna(labels)]
    if len(there):
        check_classification_targets(there)
    return np.unique(there)


def known_classes(classes: np.ndarray, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Those that a network knows by these names, and the number of each in it."""
    numbers = {name: number for number, name in enumerate(names)}
    known = np.array([category_name(value) in numbers for value in classes])
    return classes[known], np.array([numbers[category_name(value)] for value in classes[known]])
