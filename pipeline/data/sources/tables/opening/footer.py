"""Last rows that are none: the totals below a table, and notes of where it comes from."""

import re
from collections.abc import Sequence
from math import isclose
from typing import Any

import duckdb

from pipeline.data.sources.tables.opening.scan import COPY, Scan

_TOTAL = re.compile(
    r"(grand |sub)?-?totals?|sums?|averages?|means?|summe|gesamt(summe)?|insgesamt|mittelwert|"
    r"somme|moyenne|suma|promedio",
    re.IGNORECASE,
)
_NOTE = re.compile(
    r"((data )?sources?|data from .*|last updated|(foot)?notes?|(daten)?quellen?|stand|"
    r"anmerkung(en)?|fuentes?|fonte):.*",
    re.IGNORECASE | re.DOTALL,
)
LOOKED_AT = 20
"""Last rows."""
SAME = 1e-6
"""The relative difference between a sum as it is written and as it is calculated."""

Row = Sequence[Any]


def without_footer(
    connection: duckdb.DuckDBPyConnection, found: Scan, names: Sequence[str], where: str
) -> tuple[Scan, list[str]]:
    """The rows above totals and notes, and what is said of these, the last one first."""
    rows, said = found.rows, list[str]()
    first = max(0, rows - LOOKED_AT)
    place = f"WHERE rowid >= {first}" if found.source == COPY else f"OFFSET {first}"
    last = connection.execute(f"SELECT * FROM {found.source} {place}").fetchall()
    for above, row in reversed([*enumerate(last, first)]):
        if not any(map(_is_given, row)):  # it parts a table from its notes
            rows -= bool(said) and rows == above + 1
            continue
        what = (
            _note(row)
            or _word_of_total(connection, found, row)
            or _sum(connection, found, row, above, names)
        )
        if not what:
            break
        row_of = "The last row of" if not said else f"Row {found.rows - above} from the end of"
        said.append(f"{row_of} {where} {what}: it is no row like those above it.")
        rows = above
    if not said:
        return found, said
    return found._replace(source=f"(SELECT * FROM {found.source} LIMIT {rows})", rows=rows), said


def _is_given(cell: object) -> bool:
    return cell is not None and cell != ""


def _note(row: Row) -> str | None:
    first, *others = row
    if not isinstance(first, str) or len(row) < 2 or any(map(_is_given, others)):
        return None
    return f"is a note, {first!r}" if _NOTE.fullmatch(first.strip()) else None


def _word_of_total(connection: duckdb.DuckDBPyConnection, found: Scan, row: Row) -> str | None:
    """Whether it begins with a word for a total, and no other row does."""
    column, word = next((n, cell) for n, cell in enumerate(row) if _is_given(cell))
    if not isinstance(word, str) or not _TOTAL.fullmatch(word.strip(" \t:.")):
        return None
    ((times,),) = connection.execute(
        f"SELECT count(*) FROM {found.source} WHERE c{column} = ?", [word]
    ).fetchall()
    return f"begins with {word!r}" if times == 1 else None


def _sum(
    connection: duckdb.DuckDBPyConnection, found: Scan, row: Row, above: int, names: Sequence[str]
) -> str | None:
    """Whether it has no name, as all others have, and the sum of a column."""
    numbers = [n for n, cell in enumerate(row) if _is_given(cell) and found.types[n] != "VARCHAR"]
    if _is_given(row[0]) or not numbers:
        return None
    wanted = ", ".join(f"sum(c{n}::DOUBLE), max(abs(c{n}::DOUBLE))" for n in numbers)
    ((named, *sums),) = connection.execute(
        f"SELECT count(NULLIF(trim(CAST(c0 AS VARCHAR)), '')), {wanted} "
        f"FROM (SELECT * FROM {found.source} LIMIT {above})"
    ).fetchall()
    if named < above:
        return None
    for n, total, greatest in zip(numbers, sums[::2], sums[1::2], strict=True):
        value = float(row[n])
        if greatest is not None and abs(value) > greatest and isclose(value, total, rel_tol=SAME):
            return f"has the sum of column {names[n]!r}"
    return None
