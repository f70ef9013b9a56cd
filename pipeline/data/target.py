"""The target of a source: class names, or numbers."""

import numpy as np

from pipeline.config import DataConfig
from pipeline.data.category import category_name, category_names
from pipeline.errors import InputError


def as_target(values: np.ndarray, rows: int, config: DataConfig, where: str) -> np.ndarray:
    """The labels `values` of `rows` rows as `Source.target` has them.

    `values` is (rows,) or (rows, 1): text, integers, booleans or floats. Empty and NaN values, and
    those that equal `data.unlabelled`, mean that a row has no label. `where` opens the messages.

    Raises:
        InputError: for a wrong shape, length or type, and for infinite values.
    """
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise InputError(
            f"A row has one label. {where} has labels of shape {values.shape}. Give an array of "
            "shape (rows,); of one-hot labels take argmax(axis=1)."
        )
    if len(values) != rows:
        raise InputError(
            f"Every row needs its label. {where} has {rows} rows and {len(values)} labels. "
            "Make them equally many."
        )
    if values.dtype.kind not in "iufbUS":
        raise InputError(
            f"Labels must be text or numbers. {where} has labels of type {values.dtype}. "
            "Convert them."
        )
    if values.dtype.kind == "f" and np.isinf(values).any():
        row = int(np.argmax(np.isinf(values))) + 1
        raise InputError(
            f"Labels must be finite. {where} has infinite ones, first in row {row}. Correct them, "
            "or make them empty (NaN): such rows serve pretraining only."
        )
    names = category_names(values)
    if config.unlabelled is not None:
        names[names == category_name(config.unlabelled)] = ""
    if config.task == "classification":
        return names
    return _numeric(values, names, where)


def _numeric(values: np.ndarray, names: np.ndarray, where: str) -> np.ndarray:
    """float64 (rows,): the regression target, NaN where the name is empty."""
    numbers = np.full(len(values), np.nan)
    labelled = names != ""
    try:
        numbers[labelled] = values[labelled].astype(np.float64)
    except ValueError:
        first = next(row for row in np.flatnonzero(labelled) if not _is_finite(names[row]))
        raise InputError(
            f"A regression target must be numeric. {where} has {str(names[first])!r} in row "
            f"{first + 1}. Correct it, name it in data.unlabelled if it means that there is no "
            "label, or set data.task: classification."
        ) from None
    if np.isinf(numbers).any():
        row = int(np.argmax(np.isinf(numbers))) + 1
        raise InputError(
            f"A regression target must be finite. {where} has {names[row - 1]} in row {row}. "
            "Correct it, or make it empty: such rows serve pretraining only."
        )
    return numbers


def _is_finite(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
