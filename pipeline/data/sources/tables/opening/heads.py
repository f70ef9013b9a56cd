"""Rows below the header that are heads themselves: units, a second line of names, names again."""

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb

from pipeline.data.sources.tables.opening.connection import literal
from pipeline.data.sources.tables.opening.dialect import MARKS, Dialect, is_number
from pipeline.data.sources.tables.opening.plain import lines_of
from pipeline.data.sources.tables.opening.scan import Scan

LOOKED_AT = 1_000
"""Rows that a first one is compared with."""
LEAST = 3
"""Rows below a second line of names."""
_DIGIT = re.compile(r"\d")


def first_is_head(connection: duckdb.DuckDBPyConnection, found: Scan) -> str | None:
    """The first row as text, where it has words above numbers, and nothing that is a value."""
    top = connection.execute(f"SELECT * FROM {found.source} LIMIT {LOOKED_AT}").fetchall()
    if len(top) <= LEAST or not any(isinstance(cell, str) for cell in top[0]):
        return None
    first, *body = ([("" if c is None else str(c)).strip() for c in row] for row in top)
    above_numbers = 0
    for cell, *below in zip(first, *body, strict=True):
        if cell and (_DIGIT.search(cell) or cell.lower() in MARKS or cell in below):
            return None
        filled = [other for other in below if other]
        above_numbers += bool(cell and filled and all(map(_DIGIT.search, filled)))
    if above_numbers > 1 or (above_numbers and "" in first):
        return " | ".join(first)
    return None


def without_first(found: Scan) -> Scan:
    """The rows below the first."""
    return found._replace(source=f"(SELECT * FROM {found.source} OFFSET 1)", rows=found.rows - 1)


def without_names(connection: duckdb.DuckDBPyConnection, found: Scan, names: Sequence[str]) -> Scan:
    """The rows that are not the names of the columns again, as of files written one below another.

    In a column of numbers there is no name.
    """
    pairs = [*zip(found.types, names, strict=True)]
    if any(kind != "VARCHAR" and not is_number(name) for kind, name in pairs):
        return found
    again = " AND ".join(
        f"coalesce(trim(CAST(c{n} AS VARCHAR)), '') IN ({literal(name)}"
        + (", '')" if name.lower() in MARKS else ")")
        for n, name in enumerate(names)
    )
    if not any(name and name.lower() not in MARKS for name in names):
        return found
    ((times,),) = connection.execute(
        f"SELECT count(*) FROM {found.source} WHERE {again}"
    ).fetchall()
    if not times:
        return found
    source = f"(SELECT * FROM {found.source} WHERE NOT ({again}))"
    return found._replace(source=source, rows=found.rows - times)


def lines_with_names(files: Sequence[Path], dialect: Dialect) -> list[int]:
    """The numbers of the lines that are a header below that of their file."""
    found: list[int] = []
    for file in files:
        with lines_of(file) as lines:
            alike = [
                number
                for number, line in enumerate(lines, 1)
                if dialect.names[0] in line
                and [cell.strip() for cell in next(dialect.cells([line]), [])] == [*dialect.names]
            ]
        found += alike[1:]
    return found
