"""Values of any type as category names: 3, 3.0 and "3.0" are all "3"; a missing value is ""."""

import re

import numpy as np

MISSING = "nan"
"""In whatever case: a value that is missing, as an empty one is."""
INTEGERS = 2**64
"""Whole floats below are named by all their digits, as a 64-bit integer would be."""

_WHOLE = re.compile(r"(-?[0-9]+)\.0*")
_SCIENTIFIC = re.compile(r"[+-]?[0-9]\.[0-9]*e[+-][0-9]+", re.IGNORECASE)
"""As numpy.savetxt writes all numbers."""


def category_name(value: object) -> str:
    """The name of one value. Whole floats lose their ".0": a file has them where cells miss."""
    if isinstance(value, bytes):
        name = value.decode(errors="backslashreplace")
    elif isinstance(value, float | np.floating) and _has_digits(float(value)):
        name = str(int(value))
    else:
        name = str(value).strip()
    if name.lower() == MISSING:
        return ""
    if _SCIENTIFIC.fullmatch(name) and _has_digits(float(name)):
        return str(int(float(name)))
    whole = _WHOLE.fullmatch(name)
    return whole[1] if whole else name


def _has_digits(value: float) -> bool:
    return value.is_integer() and abs(value) < INTEGERS


def category_names(values: np.ndarray) -> np.ndarray:
    """The names of `values` (any shape; text, bytes, numbers or booleans), as a unicode array."""
    distinct, inverse = np.unique(values, return_inverse=True)
    names = np.array([category_name(value) for value in distinct], dtype=str)
    return names[inverse.reshape(values.shape)]
