"""The registered model: the SavedModel with a signature, example rows and a small script."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.data.features.preprocessing import Preprocessing
from pipeline.data.prepared import Prepared
from pipeline.export.inference import infer
from pipeline.export.trained import ENDPOINTS

SCRIPT = Path(__file__).with_name("served_model.py")
PACKAGES = ("mlflow", "tensorflow", "numpy", "pandas")
EXAMPLE_ROWS = 3
NAMED_COLUMNS = 200


class ServedModel(NamedTuple):
    """What MLflow is given to make a model of an exported folder."""

    script: Path
    example: Any
    """A few raw rows."""
    outputs: pd.DataFrame
    """What the exported model serves for them."""
    endpoints: tuple[str, ...]
    packages: tuple[str, ...]
    """What the script needs to run."""


def served_model(folder: Path, data: Prepared) -> ServedModel:
    """The registered form of a folder that was exported from a network trained on these data."""
    numbers, categories = data.numbers[:EXAMPLE_ROWS], data.categories[:EXAMPLE_ROWS]
    outputs = infer(folder, "serve", numbers, categories)
    example = _example(data.preprocessing, numbers, categories, named=data.image_shape is None)
    return ServedModel(SCRIPT, example, outputs, ENDPOINTS, PACKAGES)


def _example(
    preprocessing: Preprocessing, numbers: np.ndarray, categories: np.ndarray, named: bool
) -> Any:
    """Named columns for tables, a plain matrix for images and other wide arrays.

    Columns of numbers are float64: where float32 is declared MLflow refuses a caller's float64.
    """
    columns = preprocessing.columns
    if not categories.shape[1] and (not named or len(columns) > NAMED_COLUMNS):
        return numbers
    of_numbers, of_categories = iter(numbers.astype("float64").T), iter(categories.T)
    return pd.DataFrame(
        {c.name: next(of_categories if c.is_category else of_numbers) for c in columns}
    )
