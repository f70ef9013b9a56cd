"""A last row that is none: the totals below a table."""

import re

import duckdb

from pipeline.data.sources.tables.opening.scan import COPY, Scan

_TOTAL = re.compile(
    r"(grand |sub)?-?totals?|sums?|averages?|means?|summe|gesamt(summe)?|insgesamt|mittelwert|"
    r"somme|moyenne|suma|promedio",
    re.IGNORECASE,
)


def word_of_total(connection: duckdb.DuckDBPyConnection, found: Scan) -> str | None:
    """The word for a total with which the last row begins, and no row above it."""
    if found.rows < 2:
        return None
    place = (
        f"WHERE rowid = {found.rows - 1}" if found.source == COPY else f"OFFSET {found.rows - 1}"
    )
    (last,) = connection.execute(f"SELECT * FROM {found.source} {place}").fetchall()
    given = [(n, cell) for n, cell in enumerate(last) if cell is not None and cell != ""]
    if not given:
        return None
    column, word = given[0]
    if not isinstance(word, str) or not _TOTAL.fullmatch(word.strip(" \t:.")):
        return None
    ((times,),) = connection.execute(
        f"SELECT count(*) FROM {found.source} WHERE c{column} = ?", [word]
    ).fetchall()
    return word if times == 1 else None


def without_last(found: Scan) -> Scan:
    """The rows above the last."""
    rows = found.rows - 1
    return found._replace(source=f"(SELECT * FROM {found.source} LIMIT {rows})", rows=rows)
