"""Values of any type as category names: 3, 3.0 and "3.0" are all "3"; a missing value is ""."""

import re

import numpy as np

_WHOLE = re.compile(r"(-?\d+)\.0*")


def category_name(value: object) -> str:
    """The name of one value. Whole floats lose their ".0": a file has them where cells miss."""
    name = (
        value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value).strip()
    )
    if name.lower() == "nan":
        return ""
    whole = _WHOLE.fullmatch(name)
    return whole[1] if whole else name


def category_names(values: np.ndarray) -> np.ndarray:
    """The names of `values` (any shape; text, bytes, numbers or booleans), as a unicode array."""
    distinct, inverse = np.unique(values, return_inverse=True)
    names = np.array([category_name(value) for value in distinct], dtype=str)
    return names[inverse.reshape(values.shape)]
