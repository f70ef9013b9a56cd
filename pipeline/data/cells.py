"""Numbers must be finite: which cells are not, and how to say so."""

from collections.abc import Sequence

import numpy as np

from pipeline.errors import raise_all

# The difference of any two such numbers is still a finite float32.
LARGEST = 1.7e38
LISTED = 30


def located(bad: np.ndarray, names: Sequence[str], rows_before: int = 0) -> str:
    """Where the bad cells are: the columns that have any, how many, the first row.

    `bad`: bool (rows, columns) with at least one true cell. Rows are counted from 1,
    and `rows_before` are counted too.
    """
    return listed(bad.sum(axis=0), bad.argmax(axis=0) + rows_before, len(bad), names)


def listed(counts: np.ndarray, first_rows: np.ndarray, rows: int, names: Sequence[str]) -> str:
    """The columns with bad cells: how many of `rows`, and the first row (counted from 0)."""
    columns = np.flatnonzero(counts)
    found = [
        f"column {names[column]!r}, {counts[column]} of {rows} cells, first in row "
        f"{first_rows[column] + 1}"
        for column in columns[:LISTED]
    ]
    more = f"; {len(columns) - LISTED} more such columns" if len(columns) > LISTED else ""
    return "; ".join(found) + more


def as_numbers(
    values: np.ndarray, names: Sequence[str], where: str, rows_before: int = 0
) -> np.ndarray:
    """`values` (rows, columns) in one piece, of the type that they have: integers stay integers.

    Raises:
        InputError: for infinite values and values that do not fit float32.
    """
    check_finite(values, names, where, rows_before)
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))


def out_of_range(values: np.ndarray) -> np.ndarray:
    """bool (columns,): which columns of numbers (rows, columns) `check_finite` refuses."""
    return (np.abs(values) > LARGEST).any(axis=0)


def check_finite(
    values: np.ndarray, names: Sequence[str], where: str, rows_before: int = 0
) -> None:
    """Raise `InputError` for infinite values (rows, columns) and those that do not fit float32."""
    if values.dtype.kind != "f":
        return
    # Extremes need no copy of the values; only where they are too far out are cells looked for.
    least, greatest = (
        float(extreme.reduce(values, axis=None, initial=0)) for extreme in (np.fmin, np.fmax)
    )
    if max(-least, greatest) <= LARGEST:
        return
    if values.dtype.itemsize == 2:  # float16 cannot be compared with LARGEST.
        values = values.astype(np.float32)
    infinite = np.isinf(values)
    beyond = ~infinite & (np.abs(values) > LARGEST)
    problems = []
    if infinite.any():
        problems.append(
            f"Numbers must be finite. {where} has infinite values: "
            f"{located(infinite, names, rows_before)}. "
            "Correct them, or leave the columns out with data.ignore."
        )
    if beyond.any():
        problems.append(
            f"Numbers must be within ±{LARGEST:g} (float32). {where} has greater ones: "
            f"{located(beyond, names, rows_before)}. Rescale them, or leave the columns out with "
            "data.ignore."
        )
    raise_all(problems)
