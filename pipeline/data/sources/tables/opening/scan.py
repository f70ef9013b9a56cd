"""The rows of text files, read once where there is room, and what cannot be read of them."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb

from pipeline.data.sources.tables.opening.dialect import LENIENT, REJECTED, Dialect
from pipeline.data.sources.tables.opening.types import wider

SHOWN = 60
"""Characters of a line that cannot be read."""
COPY = "copy"
"""The table that has them, in memory and beyond it on disk."""


class Scan(NamedTuple):
    """Rows of text files.

    Attributes:
        source: SQL for them.
        rows: how many there are.
        types: of the columns; all cells have them.
        rejected: lines that are longer or shorter than others, number and beginning.
        all_told: whether these are all.
    """

    source: str
    rows: int
    types: list[str]
    rejected: dict[int, str]
    all_told: bool


def scan(
    connection: duckdb.DuckDBPyConnection,
    dialect: Dialect,
    files: Sequence[Path],
    types: list[str],
    options: str,
    copies: bool,
) -> Scan:
    """All rows that can be read, in a copy, if that is wanted and there is room, or where they are.

    A column becomes wider, or text, where a cell is not of its type.
    """
    while True:
        rows = dialect.rows(files, LENIENT + options, types)
        _forget_errors(connection)
        copied = copies and copy_of(connection, rows)
        if not copied:
            _forget_errors(connection)
        typed = "".join(f", count(c{n})" for n, kind in enumerate(types) if kind != "VARCHAR")
        ((found, *_),) = connection.execute(
            f"SELECT count(*){typed} FROM {COPY if copied else rows}"
        ).fetchall()
        errors = connection.execute(
            f"SELECT line, left(csv_line, {SHOWN}), error_type = 'CAST', column_name "
            "FROM reject_errors ORDER BY line"
        ).fetchall()
        wrong = {column for *_, is_cast, column in errors if is_cast}
        all_told = len(errors) < REJECTED
        if typed and not all_told and not wrong:  # cells behind these may not be of their type
            wrong = {f"c{n}" for n in range(len(types))}
        if not wrong:
            rejected = {line: text for line, text, *_ in errors}
            return Scan(COPY if copied else rows, found, types, rejected, all_told)
        types = wider(types, wrong)


def marks_in(
    connection: duckdb.DuckDBPyConnection,
    dialect: Dialect,
    files: Sequence[Path],
    found: Scan,
    columns: Collection[int],
) -> set[str]:
    """What the cells of these columns say, in lower case, that a scan took for missing.

    DuckDB knows of no marks for single columns, and a class may be called "-" or "none".
    """
    missed = [n for n in sorted(columns) if _misses(connection, found, n)]
    rows = dialect.rows(files, LENIENT)
    said = {
        word
        for n in missed
        for (word,) in connection.execute(
            f"SELECT DISTINCT lower(c{n}) FROM {rows} EXCEPT SELECT lower(c{n}) FROM {found.source}"
        ).fetchall()
    }
    _forget_errors(connection)
    return said - {None, ""}


def _misses(connection: duckdb.DuckDBPyConnection, found: Scan, n: int) -> bool:
    ((missing,),) = connection.execute(
        f"SELECT count(*) > count(c{n}) FROM {found.source}"
    ).fetchall()
    return bool(missing)


def _forget_errors(connection: duckdb.DuckDBPyConnection) -> None:
    for table in ("reject_errors", "reject_scans"):
        connection.execute(f"DROP TABLE IF EXISTS {table}")


def copy_of(connection: duckdb.DuckDBPyConnection, rows: str) -> bool:
    """Read rows into a table, where there is room for it; whether there is."""
    try:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {COPY} AS SELECT * FROM {rows}")
    except duckdb.OutOfMemoryException:
        return False
    return True
