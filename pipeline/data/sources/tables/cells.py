"""Cells of a table's column: as text, integers or floats; what in a column cannot be used."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.data.category import MISSING
from pipeline.data.rows.memory import check_fits
from pipeline.errors import InputError

_NUMBER = r"^[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:inf|infinity))$"
_MISSING = pa.array(["", MISSING])
LISTED = 30
EXACT = 2**53
"""Up to here a float64 holds every integer."""


class ColumnError(InputError):
    """A column that breaks a rule. Those that break one rule are reported in one message.

    Arguments:
        name: the column's.
        rule: a sentence.
        found: what the column is or has, as what follows its name.
        cure: a sentence.
    """

    def __init__(self, name: str, where: str, rule: str, found: str, cure: str):
        self.name = name
        self.found = found
        self.shared = (rule, where, cure)
        super().__init__(_report([self]))

    def __reduce__(self) -> tuple[type[InputError], tuple[str, ...]]:
        return InputError, self.problems  # all that another process needs


def reports(unusable: Sequence[ColumnError]) -> list[str]:
    """A message for each rule that is broken, with all columns that break it."""
    rules = dict.fromkeys(column.shared for column in unusable)
    return [_report([c for c in unusable if c.shared == shared]) for shared in rules]


def _report(columns: Sequence[ColumnError]) -> str:
    rule, where, cure = columns[0].shared
    listed = "; ".join(f"column {column.name!r} {column.found}" for column in columns[:LISTED])
    more = f"; {len(columns) - LISTED} more columns" if len(columns) > LISTED else ""
    return f"{rule} In {where}, {listed}{more}. {cure}"


def cells_of(column: pa.ChunkedArray, name: str, where: str) -> pa.ChunkedArray:
    """The column as trimmed text, as its integers or as float64; empty cells and NaN are null.

    Raises:
        ColumnError: for cells of another kind.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        if holds_text(kind.value_type):
            distinct = pa.chunked_array([chunk.dictionary for chunk in column.chunks])
            _check_text(distinct, len(column), where)
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0):
        return column
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = column.cast(pa.float64(), safe=False)
        return pc.if_else(pc.is_nan(numbers), None, numbers)
    if pa.types.is_boolean(kind):
        return pc.if_else(column, "True", "False")  # As pandas and NumPy write them.
    try:
        text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    except pa.ArrowException as error:
        raise ColumnError(
            name,
            where,
            "Cells must be numbers or text.",
            f"holds {kind}",
            "Convert them, or leave the column out with data.drop.",
        ) from error
    missing = pc.is_in(pc.utf8_lower(text), value_set=_MISSING)
    return pc.if_else(missing, None, text)


def as_floats(cells: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The cells as float64, or None where one of them is no number."""
    try:
        return cells.cast(pa.float64(), safe=holds_text(cells.type))
    except pa.ArrowInvalid:
        return None


def rounding_notes(cells: pa.ChunkedArray, name: str, where: str) -> list[str]:
    """What people must know of a column of numbers: that integers become equal as float64."""
    floats = as_floats(cells)
    extremes = pc.min_max(floats).as_py()
    if max(-(extremes["min"] or 0), extremes["max"] or 0) < EXACT:
        return []
    try:
        integers = cells.cast(pa.decimal128(38, 0))
    except pa.ArrowInvalid:  # fractions among them, or no digits left for them
        return []
    if pc.count_distinct(integers).as_py() <= pc.count_distinct(floats).as_py():
        return []
    return [
        f"Numbers have 53 binary digits (float64). In {where}, column {name!r} has integers that "
        "become equal. If they are identifiers, name the column in data.categorical or leave it "
        "out with data.drop."
    ]


def is_text(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Which cells, of text, are no numbers; null where missing."""
    return pc.invert(pc.match_substring_regex(cells, _NUMBER))


def texts_in(cells: pa.ChunkedArray) -> str:
    """How many cells are no numbers, and the first of them."""
    among = is_text(cells)
    row = pc.index(among, True).as_py()
    return (
        f"has text in {pc.sum(among).as_py()} of {len(cells)} cells, first at row {row + 1}: "
        f"{cells[row].as_py()!r}"
    )


def number_cells(cells: pa.ChunkedArray, name: str, where: str) -> np.ndarray:
    """float64 (rows,), NaN where missing.

    Raises:
        ColumnError: for text.
    """
    numbers = as_floats(cells)
    if numbers is None:
        raise ColumnError(
            name,
            where,
            "A column that held numbers in training must hold numbers.",
            texts_in(cells),
            "Correct the cells.",
        )
    return pc.fill_null(numbers, np.nan).to_numpy()


def values_of(cells: pa.ChunkedArray, where: str) -> np.ndarray:
    """The cells as floats with NaN, as integers, or as text with "".

    Integers some of which are missing become text too, for a float has not room for all of them.
    Every cell of text is as wide as the longest.
    """
    if pa.types.is_floating(cells.type):
        return pc.fill_null(cells, np.nan).to_numpy()
    if pa.types.is_integer(cells.type) and not cells.null_count:
        return cells.to_numpy()
    cells = cells.cast(pa.string())
    _check_text(cells, len(cells), where)
    return np.array(pc.fill_null(cells, "").to_pylist(), dtype=str)


def holds_text(kind: pa.DataType) -> bool:
    """Whether cells of the kind are text."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _check_text(text: pa.ChunkedArray, rows: int, where: str) -> None:
    """Raise `InputError` when `rows` cells as wide as the longest of `text` are too many."""
    check_fits(rows * (pc.max(pc.utf8_length(text)).as_py() or 0), 4, where)
