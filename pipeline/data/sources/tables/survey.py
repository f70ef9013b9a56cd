"""What is in each column of a table: counts by which its kind is decided."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from pipeline.data.sources.tables import sql

AT_ONCE = 200
"""Columns that one query looks at."""
EXACT_ROWS = 2_000_000
"""Up to here distinct values are counted; above, they are estimated (HyperLogLog)."""
TOP = 5

DATES = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d", "%d/%m/%y", "%m/%d/%y",
    "%d.%m.%y", "%Y-%m", "%Y/%m", "%m/%Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y",
    "%b %d, %Y", "%B %d, %Y", "%b %Y", "%B %Y", "%Y%m%d",
)  # fmt: skip
TIMES = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p")
FORMS = (sql.ISO, *DATES, *(f"{date} {time}" for date in DATES for time in TIMES), *TIMES)
"""How dates are written. Where several fit, an earlier one is taken: the day comes first."""
_DATE_LIKE = r"^[A-Za-z]{0,9}[ ,.]{0,2}\d{1,4}[-/.: ,][A-Za-z0-9].{0,30}$"


@dataclass(frozen=True)
class Survey:
    """Of one column.

    Attributes:
        given: cells that are neither empty nor a mark of what is missing.
        distinct: different values among them.
        numbers: cells that are numbers with a decimal point; `commas`: with a decimal comma.
        grouped: numbers that read otherwise with the other mark: 1,037.
        integers: numbers that are whole.
        booleans: cells that say true or false.
        dates: form and number of cells that are dates of it.
        least, greatest: of the numbers, or None.
        words: mean number of words.
    """

    given: int
    distinct: int
    plain: int
    integers: int
    least: float | None
    greatest: float | None
    longest: int
    zeros: int
    first: str | None
    last: str | None
    points: int = 0
    commas: int = 0
    booleans: int = 0
    date_like: int = 0
    words: float = 1.0


def survey(
    connection: duckdb.DuckDBPyConnection, rows: str, columns: Sequence[int], markers: Sequence[str]
) -> dict[int, Survey]:
    """What is in the text columns c0, c1, ... of SQL `rows` that are named by their numbers."""
    found: dict[int, dict[str, Any]] = {}
    for part in _parts(columns):
        found |= _asked(connection, rows, part, markers, _OF_ALL)
    # Patterns take their time: they are for columns that are not all plain numbers.
    words = [n for n, counts in found.items() if counts["plain"] < counts["given"]]
    for part in _parts(words):
        for n, counts in _asked(connection, rows, part, markers, _OF_WORDS).items():
            found[n] |= counts
    return {n: Survey(**counts) for n, counts in found.items()}


_OF_ALL = {
    "given": "count({t})",
    "distinct": "approx_count_distinct({t})",
    "plain": "count({n})",
    "integers": "count(CASE WHEN {n} = floor({n}) THEN 1 END)",
    "least": "min({n})",
    "greatest": "max({n})",
    "longest": "coalesce(max(length({t})), 0)",
    "zeros": "count(CASE WHEN {t} ^@ '0' AND length({t}) > 1 AND {n} = floor({n}) "
    "AND NOT contains({t}, '.') AND {n} <> 0 THEN 1 END)",
    "first": "min({t})",
    "last": "max({t})",
}
_OF_WORDS = {
    "points": f"count({sql.number('{t}', '.')})",
    "commas": f"count({sql.number('{t}', ',')})",
    "booleans": f"count({sql.boolean('{t}')})",
    "date_like": f"count(CASE WHEN regexp_matches({{t}}, '{_DATE_LIKE}') THEN 1 END)",
    "words": "avg(length({t}) - length(replace({t}, ' ', '')) + 1)",
}


def _parts(columns: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(columns), AT_ONCE):
        yield columns[start : start + AT_ONCE]


def _asked(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    columns: Sequence[int],
    markers: Sequence[str],
    aggregates: dict[str, str],
) -> dict[int, dict[str, Any]]:
    texts = ", ".join(f"{sql.given(f'c{n}', markers)} AS t{n}" for n in columns)
    numbers = ", ".join(f"{sql.plain_number(f't{n}')} AS n{n}" for n in columns)
    wanted = [
        aggregate.replace("{t}", f"t{n}").replace("{n}", f"n{n}")
        for n in columns for aggregate in aggregates.values()
    ]
    values = connection.execute(
        f"SELECT {', '.join(wanted)} FROM (SELECT *, {numbers} FROM (SELECT {texts} FROM {rows}))"
    ).fetchone()
    assert values
    each = len(aggregates)
    return {
        n: dict(zip(aggregates, values[place * each : (place + 1) * each], strict=True))
        for place, n in enumerate(columns)
    }


def date_form(
    connection: duckdb.DuckDBPyConnection, rows: str, column: int, markers: Sequence[str]
) -> tuple[str, int, list[str]]:
    """The form that the most cells have, how many, and other forms that fit as many."""
    text = f"t{column}"
    source = f"(SELECT {sql.given(f'c{column}', markers)} AS {text} FROM {rows})"
    sample = f"(SELECT DISTINCT {text} FROM {source} LIMIT 2000)"
    counts = ", ".join(f"count({sql.moment(text, form)})" for form in FORMS)
    found = connection.execute(f"SELECT {counts} FROM {sample}").fetchone()
    assert found
    most = max(found)
    fit = [form for form, count in zip(FORMS, found, strict=True) if count == most]
    exact = connection.execute(f"SELECT count({sql.moment(text, fit[0])}) FROM {source}").fetchone()
    assert exact
    return fit[0], exact[0], fit[1:]


def top_values(
    connection: duckdb.DuckDBPyConnection, rows: str, column: int, markers: Sequence[str], most: int
) -> list[tuple[str, int]]:
    """The most frequent values of a column and how often each occurs; equals in their order."""
    text = sql.given(f"c{column}", markers)
    return connection.execute(
        f"SELECT v, count(*) AS n FROM (SELECT {text} AS v FROM {rows}) WHERE v IS NOT NULL "
        f"GROUP BY v ORDER BY n DESC, v LIMIT {most}"
    ).fetchall()


