"""What features need of an array library, and NumPy's."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np


class Operations(NamedTuple):
    """What the description needs of an array library."""

    is_nan: Callable[[Any], Any]
    where: Callable[[Any, Any, Any], Any]
    cast: Callable[[Any, str], Any]
    concat: Callable[[Sequence[Any], int], Any]
    sin: Callable[[Any], Any]
    cos: Callable[[Any], Any]
    sign: Callable[[Any], Any]
    abs: Callable[[Any], Any]
    log1p: Callable[[Any], Any]
    expm1: Callable[[Any], Any]
    columns: Callable[[Any, np.ndarray], Any]
    """The columns at positions, of rows (rows, columns)."""
    after: Callable[[np.ndarray, Any], Any]
    """Of rising knots (columns, knots) and rows (rows, columns): where the first knot is, from the
    second to the last, that is greater; the last where none is."""
    pick: Callable[[np.ndarray, Any], Any]
    """The knots (columns, knots) at positions (rows, columns)."""


def _after(knots: np.ndarray, values: np.ndarray) -> np.ndarray:
    found = [np.searchsorted(x, v, "right") for x, v in zip(knots, values.T, strict=True)]
    return np.stack(found, axis=1).clip(1, knots.shape[1] - 1)


NUMPY = Operations(
    is_nan=np.isnan,
    where=np.where,
    cast=lambda array, dtype: array.astype(dtype),
    concat=np.concatenate,
    sin=np.sin,
    cos=np.cos,
    sign=np.sign,
    abs=np.abs,
    log1p=np.log1p,
    expm1=np.expm1,
    columns=lambda rows, positions: rows[:, positions],
    after=_after,
    pick=lambda knots, positions: knots[np.arange(len(knots)), positions],
)
