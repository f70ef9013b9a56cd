"""The target of a source: class names, or numbers."""

import numpy as np

from pipeline.config.data import DataConfig
from pipeline.data.category import category_name, category_names
from pipeline.errors import InputError


def as_target(values: np.ndarray, rows: int, config: DataConfig, where: str) -> np.ndarray:
    """The labels `values` of `rows` rows as `Source.target` has them.

    `values` is (rows,) or (rows, 1), of a multi-label task (rows, labels): text, integers, booleans
    or floats. Empty and NaN values, and those that equal `data.unlabelled`, mean that a row has no
    label. `where` opens the messages.

    Raises:
        InputError: for a wrong shape, length or type, and for infinite values.
    """
    if config.task == "multilabel":
        return _as_labels(values, rows, config, where)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise InputError(
            f"A row has one label. {where} has labels of shape {values.shape}. Give an array of "
            "shape (rows,): of one-hot labels take argmax(axis=1). If several labels may apply to "
            "a row, set data.task: multilabel."
        )
    if len(values) != rows:
        raise InputError(
            f"Every row needs its label. {where} has {rows} rows and {len(values)} labels. "
            "Make them equally many."
        )
    check_labels(values, where)
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


def check_labels(values: np.ndarray, where: str) -> None:
    """Raise `InputError` for labels that are neither text nor numbers."""
    if values.dtype.kind not in "iufbUS":
        raise InputError(
            f"Labels must be text or numbers. {where} has labels of type {values.dtype}. "
            "Convert them."
        )


_APPLIES = {"1": 1.0, "0": 0.0, "true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}


def _as_labels(values: np.ndarray, rows: int, config: DataConfig, where: str) -> np.ndarray:
    """float64 (rows, labels) of 0 and 1; a row with an empty one has no labels and is NaN."""
    if values.ndim != 2 or len(values) != rows:
        raise InputError(
            f"A multi-label target is an array (rows, labels), here ({rows}, labels). {where} has "
            f"shape {values.shape}. Give one column of 0 and 1 for each label, or set data.task: "
            "classification."
        )
    names = np.char.lower(category_names(values))
    if config.unlabelled is not None:
        names[names == category_name(config.unlabelled).lower()] = ""
    known = np.isin(names, [*_APPLIES, ""])
    if not known.all():
        row, column = np.argwhere(~known)[0]
        raise InputError(
            f"A label must be 0 or 1 (or true, false, yes, no; empty where it is not known). "
            f"{where} has {str(names[row, column])!r} in row {row + 1}, label {column + 1}. "
            "Correct it, or name it in data.unlabelled."
        )
    labels = np.full(names.shape, np.nan)
    for name, value in _APPLIES.items():
        labels[names == name] = value
    labels[np.isnan(labels).any(axis=1)] = np.nan
    return labels


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
