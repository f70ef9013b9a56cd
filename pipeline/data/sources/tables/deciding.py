"""What each column of an open table is taken for, by what is in it and what the config says."""

from collections.abc import Mapping, Sequence
from functools import partial

from pipeline.config.data import DataConfig
from pipeline.data.sources.tables import sql
from pipeline.data.sources.tables.columns import Chosen
from pipeline.data.sources.tables.date_forms import date_form
from pipeline.data.sources.tables.kinds import (
    Decision,
    Mark,
    decided,
    decimal,
    left_out,
    said,
    with_unit,
)
from pipeline.data.sources.tables.opening.open_table import OpenTable
from pipeline.data.sources.tables.survey import (
    Survey,
    different,
    equal,
    no_numbers,
    shows_point,
    thousands,
)

CLASSES = 10
"""Whole numbers with a unit that are classes of a target."""


def decide(
    table: OpenTable,
    found: Mapping[int, Survey],
    columns: Chosen,
    rows: int,
    mark: Mark | None,
    config: DataConfig,
) -> dict[int, Decision]:
    """What each of the feature columns is taken for; `mark`: the decimal mark of the file."""
    markers = ("", *config.missing_values)
    chosen: dict[int, Decision] = {}
    first_of = {
        found[n].digest: n for n in reversed([*columns.labels, *columns.features]) if n in found
    }
    for n in columns.features:
        kind, name = table.types[n], table.names[n]
        dates = partial(date_form, table, n, markers, config.day_first)
        if kind == "BOOLEAN":
            chosen[n] = Decision("boolean")
        elif sql.is_date(kind):
            chosen[n] = Decision("date", sql.TIME_OF_DAY if sql.is_time(kind) else sql.ISO)
        elif n not in found:
            chosen[n] = left_out("nested", f"it holds {kind}")
        elif n in columns.kinds:
            chosen[n] = said(columns.kinds[n], found[n], mark or ".", dates)
        elif points_group(table, n, found, mark, config):
            why = "the points of the file set thousands apart"
            chosen[n] = with_unit(Decision("number", ",", why), found[n])
        elif (original := _original(table, n, first_of[found[n].digest], found)) is not None:
            what = "the target" if original in columns.labels else repr(table.names[original])
            chosen[n] = left_out("copy", f"in every row it is what {what} is")
        else:
            exact = partial(different, table, n, markers)
            others = partial(no_numbers, table, n, markers, found[n].units.unit)
            chosen[n] = decided(found[n], name, n, rows, mark, dates, exact, others)
    return chosen


def _original(table: OpenTable, n: int, first: int, found: Mapping[int, Survey]) -> int | None:
    """The earlier column that a column copies, if it does."""
    if first == n or found[n].first == found[n].last or table.types[n] != table.types[first]:
        return None
    return first if equal(table, n, first) else None


def label_marks(
    table: OpenTable,
    found: Mapping[int, Survey],
    labels: Sequence[int],
    mark: Mark | None,
    config: DataConfig,
) -> dict[int, Mark]:
    """The decimal mark of those columns of the target whose numbers are not as programs write."""
    marks: dict[int, Mark] = {}
    for n in labels:
        counts = found.get(n)
        if counts is None or counts.given == 0:
            continue
        likelier, numbers = decimal(counts, mark)
        if counts.units.several or _few_sizes(counts):
            continue
        if points_group(table, n, found, mark, config):
            marks[n] = ","
        elif (counts.units.unit or not counts.all_plain) and numbers == counts.given:
            marks[n] = likelier
    return marks


def _few_sizes(counts: Survey) -> bool:
    """Whether the numbers are so few that their units make classes of them: 2 doors, 4 doors."""
    whole = counts.integers == counts.given
    return bool(counts.units.unit) and whole and counts.distinct <= CLASSES


def points_group(
    table: OpenTable, n: int, found: Mapping[int, Survey], mark: Mark | None, config: DataConfig
) -> bool:
    """Whether the points of a column, all of whose cells are plain numbers, set thousands apart.

    Where no comma shows that, a cell below 1000 does, beside others with a point.
    """
    if mark != "," or not found[n].all_plain:
        return False
    sure = config.decimal == "," or _commas_show(found)
    return thousands(table, n, ("", *config.missing_values), found[n].units.unit, sure)


def _commas_show(found: Mapping[int, Survey]) -> bool:
    return any(counts.commas > counts.points for counts in found.values())


def decimal_mark(table: OpenTable, found: Mapping[int, Survey], config: DataConfig) -> Mark | None:
    """That of a file: as the config says, or as those columns show that can be read in one way."""
    if config.decimal != "auto":
        return config.decimal
    if _commas_show(found):
        return ","
    if any(counts.points > counts.commas for counts in found.values()):
        return "."
    if table.delimiter != ";":
        return None
    markers = ("", *config.missing_values)
    return "." if any(_shows_point(table, n, found[n], markers) for n in found) else ","


def _shows_point(table: OpenTable, n: int, counts: Survey, markers: Sequence[str]) -> bool:
    if sql.is_number(table.types[n]):
        return counts.integers < counts.given
    return counts.plain > 0 and shows_point(table, n, markers, counts.units.unit)
