"""Numbers must be finite: which cells are not, and how to say so."""

from collections.abc import Sequence

import numpy as np

from pipeline.errors import InputError

# The difference of any two such numbers is still a finite float32.
LARGEST = 1.7e38


def located(bad: np.ndarray, names: Sequence[str], rows_before: int = 0) -> str:
    """Where the bad cells are: the first column that has any, how many, the first row.

    `bad`: bool (rows, columns) with at least one true cell. Rows are counted from 1,
    and `rows_before` are counted too.
    """
    counts = bad.sum(axis=0)
    columns = np.flatnonzero(counts)
    first = columns[0]
    row = rows_before + int(np.argmax(bad[:, first])) + 1
    more = f"; {len(columns) - 1} more such columns" if len(columns) > 1 else ""
    return f"column {names[first]!r}, {counts[first]} of {len(bad)} cells, first in row {row}{more}"


def as_numbers(values: np.ndarray, names: Sequence[str], where: str) -> np.ndarray:
    """`values` (rows, columns) in one piece, of the type that they have: integers stay integers.

    Raises:
        InputError: for infinite values and values that do not fit float32.
    """
    check_finite(values, names, where)
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))


def check_finite(
    values: np.ndarray, names: Sequence[str], where: str, rows_before: int = 0
) -> None:
    """Raise `InputError` for infinite values (rows, columns) and those that do not fit float32."""
    if values.dtype.kind != "f":
        return
    # Extremes need no copy of the values; where they are too far out it is told which are.
    least, greatest = (
        float(extreme.reduce(values, axis=None, initial=0)) for extreme in (np.fmin, np.fmax)
    )
    if max(-least, greatest) <= LARGEST:
        return
    if values.dtype.itemsize == 2:  # float16 cannot be compared with LARGEST.
        values = values.astype(np.float32)
    infinite = np.isinf(values)
    if infinite.any():
        raise InputError(
            f"Numbers must be finite. {where} has infinite values: "
            f"{located(infinite, names, rows_before)}. "
            "Correct them, or leave the column out with data.drop."
        )
    beyond = np.abs(values) > LARGEST
    if beyond.any():
        raise InputError(
            f"Numbers must be within ±{LARGEST:g} (float32). {where} has greater ones: "
            f"{located(beyond, names, rows_before)}. Rescale them, or leave the column out with "
            "data.drop."
        )
