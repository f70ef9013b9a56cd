"""What each column of an open table is taken for, by what is in it and what the config says."""

from collections.abc import Mapping
from functools import partial

from pipeline.config.data import DataConfig
from pipeline.data.sources.tables import sql
from pipeline.data.sources.tables.columns import Chosen
from pipeline.data.sources.tables.date_forms import date_form
from pipeline.data.sources.tables.kinds import Decision, Mark, decided, left_out, said
from pipeline.data.sources.tables.opening.open_table import OpenTable
from pipeline.data.sources.tables.survey import Survey, different, equal, thousands


def decide(
    table: OpenTable, found: Mapping[int, Survey], columns: Chosen, rows: int, config: DataConfig
) -> dict[int, Decision]:
    """What each of the feature columns is taken for."""
    markers = ("", *config.missing_values)
    chosen: dict[int, Decision] = {}
    first_of = {
        found[n].digest: n for n in reversed([*columns.labels, *columns.features]) if n in found
    }
    mark = _decimal_mark(table, found, config)
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
        elif mark == "," and found[n].all_plain and thousands(table, n, markers):
            chosen[n] = Decision("number", ",", "the points of the file set thousands apart")
        elif (original := _original(table, n, first_of[found[n].digest], found)) is not None:
            what = "the target" if original in columns.labels else repr(table.names[original])
            chosen[n] = left_out("copy", f"in every row it is what {what} is")
        else:
            exact = partial(different, table, n, markers)
            chosen[n] = decided(found[n], name, n, rows, mark, dates, exact)
    return chosen


def _original(table: OpenTable, n: int, first: int, found: Mapping[int, Survey]) -> int | None:
    """The earlier column that a column copies, if it does."""
    if first == n or found[n].first == found[n].last or table.types[n] != table.types[first]:
        return None
    return first if equal(table, n, first) else None


def _decimal_mark(table: OpenTable, found: Mapping[int, Survey], config: DataConfig) -> Mark | None:
    """That of a file: as the config says, or as those columns show that can be read in one way."""
    if config.decimal != "auto":
        return config.decimal
    if any(counts.commas > counts.points for counts in found.values()):
        return ","
    if any(counts.points > counts.commas for counts in found.values()):
        return "."
    return "," if table.delimiter == ";" else None
