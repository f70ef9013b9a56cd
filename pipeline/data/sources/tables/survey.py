"""What is in each column of a table: counts by which its kind is decided."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pipeline.data.sources.tables import sql, units
from pipeline.data.sources.tables.opening.connection import literal
from pipeline.data.sources.tables.opening.open_table import OpenTable
from pipeline.data.sources.tables.units import NO_UNITS, Units

AT_ONCE = 64
"""Columns that one query looks at."""
QUOTED = 3
"""Cells that are quoted to show what is in a column."""
_DATE_LIKE = (
    r"^([A-Za-z]{0,9}[ ,.-]{0,2}\d{1,4}[-/.: ,][A-Za-z0-9].{0,30}"
    r"|[A-Za-z]{3,9}[ -]\d{2,4}|\d{1,2}[A-Za-z]{3}\d{4})$"
)


@dataclass(frozen=True)
class Survey:
    """Of one column.

    Attributes:
        given: cells that are neither empty nor a mark of what is missing.
        distinct: different values among them, about (HyperLogLog).
        plain: numbers as programs write them; `points`: as people do, with a decimal point;
            `commas`: with a decimal comma.
        integers: plain numbers that are whole; `zeros`: those that begin with 0, as codes do.
        least, greatest: of the plain numbers.
        first, last: the same of all cells, as text.
        digest: of all cells, in whatever order.
        with_comma: cells that have one.
        booleans: cells that say true or false.
        date_like: cells that look as if they were dates.
        words: how many a cell has, on average.
        measured: cells that are a number with a unit.
        units: those of them. All else is said of the numbers without their unit, where they have
            one, but for `first`, `last` and `digest`.
    """

    given: int
    distinct: int
    plain: int
    integers: int
    least: float | None
    greatest: float | None
    zeros: int
    first: str | None
    last: str | None
    digest: int
    points: int = 0
    commas: int = 0
    with_comma: int = 0
    booleans: int = 0
    date_like: int = 0
    words: float = 1.0
    measured: int = 0
    units: Units = NO_UNITS

    @property
    def all_plain(self) -> bool:
        """Whether all cells are numbers as programs write them."""
        return self.plain == self.given


def survey(table: OpenTable, columns: Sequence[int], markers: Sequence[str]) -> dict[int, Survey]:
    """What is in the columns that are named by their numbers."""
    found: dict[int, dict[str, Any]] = {}
    for part in _parts(columns):
        found |= _asked(table, part, markers, _OF_ALL, _OF_NUMBERS)
    # Patterns take their time: they are for columns that are not all plain numbers.
    words = [n for n, counts in found.items() if counts["plain"] < counts["given"]]
    for part in _parts(words):
        for n, counts in _asked(table, part, markers, _OF_WORDS, _OF_WORDS).items():
            found[n] |= counts
    for n in words:
        if found[n]["measured"]:
            found[n]["units"] = _units(table, n, markers, found[n]["given"])
    bare = {n: found[n]["units"].unit for n in words if found[n].get("units", NO_UNITS).unit}
    for part in _parts([*bare]):
        for n, counts in _asked(table, part, markers, _OF_MEASURED, _OF_MEASURED, bare).items():
            found[n] |= counts
    return {n: Survey(**counts) for n, counts in found.items()}


_OF_ALL = {
    "given": "count({t})",
    "distinct": "approx_count_distinct({t})",
    "plain": "count({n})",
    "integers": "count(CASE WHEN {n} = floor({n}) THEN 1 END)",
    "least": "min({n})",
    "greatest": "max({n})",
    "zeros": "count(CASE WHEN {t} ^@ '0' AND length({t}) > 1 AND {n} <> 0 AND {n} = floor({n}) "
    "AND NOT contains({t}, '.') THEN 1 END)",
    "first": "min({t})",
    "last": "max({t})",
    "digest": "sum(hash({t}))",
}
_OF_NUMBERS = _OF_ALL | {
    "given": "count(CASE WHEN NOT isnan({c}::DOUBLE) THEN 1 END)",
    "distinct": "approx_count_distinct({n})",
    "zeros": "0",
    "first": "CAST(min({c}) AS VARCHAR)",
    "last": "CAST(max({c}) AS VARCHAR)",
    "digest": "sum(hash({n}))",
}
"""Of columns whose type is a number: they need no text."""
_OF_WORDS = {
    "points": f"count({sql.number('{t}', '.')})",
    "commas": f"count({sql.number('{t}', ',')})",
    "with_comma": "count(CASE WHEN contains({t}, ',') THEN 1 END)",
    "booleans": f"count({sql.boolean('{t}')})",
    "date_like": f"count(CASE WHEN regexp_matches({{t}}, {literal(_DATE_LIKE)}) THEN 1 END)",
    "words": "avg(length({t}) - length(replace({t}, ' ', '')) + 1)",
    "measured": f"count(NULLIF({units.unit_in('{t}')}, ''))",
}
_OF_MEASURED = {
    name: wanted
    for name, wanted in (_OF_ALL | _OF_WORDS).items()
    if name not in ("first", "last", "digest", "measured")
}


def _parts(columns: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(columns), AT_ONCE):
        yield columns[start : start + AT_ONCE]


def _asked(
    table: OpenTable,
    columns: Sequence[int],
    markers: Sequence[str],
    of_text: dict[str, str],
    of_numbers: dict[str, str],
    bare: Mapping[int, str] = MappingProxyType({}),
) -> dict[int, dict[str, Any]]:
    texts, numbers, wanted = [], [], []
    for n in columns:
        typed = sql.is_number(table.types[n])
        text = sql.text(n, table.types[n], markers)
        texts.append(f"{units.bare(text, bare.get(n, ''))} AS t{n}")
        numbers.append(f"{f'd{n}' if typed else sql.plain_number(f't{n}')} AS n{n}")
        if typed:
            texts.append(f"{sql.typed_number(n)} AS d{n}, c{n}")
        wanted += [
            aggregate.replace("{t}", f"t{n}").replace("{n}", f"n{n}").replace("{c}", f"c{n}")
            for aggregate in (of_numbers if typed else of_text).values()
        ]
    values = table.one(
        f"SELECT {', '.join(wanted)} FROM (SELECT *, {', '.join(numbers)} FROM "
        f"(SELECT {', '.join(texts)} FROM {table.rows}))"
    )
    each = len(of_text)
    return {
        n: dict(zip(of_text, values[place * each : (place + 1) * each], strict=True))
        for place, n in enumerate(columns)
    }


def _units(table: OpenTable, column: int, markers: Sequence[str], given: int) -> Units:
    text = sql.text(column, table.types[column], markers)
    counts = table.connection.execute(
        f"SELECT u, count(*) AS n FROM (SELECT {units.unit_in('t')} AS u FROM "
        f"(SELECT {text} AS t FROM {table.rows})) WHERE u <> '' "
        f"GROUP BY u ORDER BY n DESC, u LIMIT {units.ASKED}"
    ).fetchall()
    return units.units_of(counts, given)


def different(table: OpenTable, column: int, markers: Sequence[str]) -> int:
    """The number of different values that are given."""
    text = sql.text(column, table.types[column], markers)
    return int(table.one(f"SELECT count(DISTINCT {text}) FROM {table.rows}")[0])


def equal(table: OpenTable, one: int, other: int) -> bool:
    """Whether two columns are the same in every row."""
    return not table.one(
        f"SELECT count(*) FROM {table.rows} WHERE c{one} IS DISTINCT FROM c{other}"
    )[0]


def thousands(table: OpenTable, column: int, markers: Sequence[str], unit: str, sure: bool) -> bool:
    """Whether every cell is a number whose points can set thousands apart, and one has such.

    Unless that is `sure` one must have none.
    """
    text = units.bare(sql.text(column, table.types[column], markers), unit)
    fit, pointed, given = table.one(
        f"SELECT count(CASE WHEN regexp_full_match(t, {literal(sql.POINTED)}) THEN 1 END), "
        f"count(CASE WHEN contains(t, '.') THEN 1 END), count(t) "
        f"FROM (SELECT {text} AS t FROM {table.rows})"
    )
    return bool(fit == given and pointed and (sure or pointed < given))


def shows_point(table: OpenTable, column: int, markers: Sequence[str], unit: str) -> bool:
    """Whether a number has a point that cannot set thousands apart: 28.0, 0.126."""
    text = units.bare(sql.text(column, table.types[column], markers), unit)
    (shown,) = table.one(
        f"SELECT bool_or(contains(t, '.') AND {sql.plain_number('t')} IS NOT NULL AND NOT "
        f"regexp_full_match(t, {literal(sql.POINTED)})) FROM (SELECT {text} AS t FROM {table.rows})"
    )
    return bool(shown)


def no_numbers(
    table: OpenTable, column: int, markers: Sequence[str], unit: str, mark: str
) -> list[tuple[str, int]]:
    """The most frequent cells that are no numbers with this decimal mark, and how often each is."""
    text = sql.text(column, table.types[column], markers)
    return table.connection.execute(
        f"SELECT t, count(*) AS n FROM (SELECT {text} AS t FROM {table.rows}) "
        f"WHERE t IS NOT NULL AND {units.number('t', mark, unit)} IS NULL "
        f"GROUP BY t ORDER BY n DESC, t LIMIT {QUOTED}"
    ).fetchall()


def most_frequent(
    table: OpenTable, column: int, markers: Sequence[str], most: int
) -> list[tuple[str, int]]:
    """The most frequent values and how often each occurs; of equally frequent ones the first."""
    text = sql.text(column, table.types[column], markers)
    return table.connection.execute(
        f"SELECT v, count(*) AS n FROM (SELECT {text} AS v FROM {table.rows}) "
        f"WHERE v IS NOT NULL GROUP BY v ORDER BY n DESC, v LIMIT {most}"
    ).fetchall()
