"""In which form the dates of a column are written."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pipeline.data.sources.tables import sql
from pipeline.data.sources.tables.opening.open_table import OpenTable

COMPARED = 2_000
"""Different values that are tried as dates in every form."""
MOSTLY = 0.9
"""Of the cells that are given, the share that forms must read to be the column's."""
SEVERAL = 5
"""Forms that a column may be in, at most."""

DATES = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d", "%d/%m/%y", "%m/%d/%y",
    "%d.%m.%y", "%Y-%m", "%Y/%m", "%m/%Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y",
    "%b %d, %Y", "%B %d, %Y", "%b-%d-%Y", "%d%b%Y", "%b %Y", "%B %Y", "%b-%Y", "%Y-%b", "%b-%y",
    "%Y%m%d",
)  # fmt: skip
TIMES = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p")
FORMS = (
    *(sql.ISO, *DATES, *(f"{date} {time}" for date in DATES for time in TIMES)),
    *(*TIMES, sql.MONTHS),
)
"""How dates are written. Where several fit, an earlier one is taken: the day comes first."""


class DateForm(NamedTuple):
    """How the dates of a column are written.

    Attributes:
        form: the one that reads the most cells, ISO 8601 beside it.
        fit: how many it reads.
        iso: how many of them are ISO 8601, where that is not the form.
        others: forms that read as many.
        several: where one form does not read most cells and a few together do, these, each with
            the number of cells that it reads and the ones before it do not.
    """

    form: str
    fit: int
    iso: int
    others: list[str]
    several: Mapping[str, int]

    def __str__(self) -> str:
        """The form in words."""
        return f"dates written {self.form}" + (f" and {sql.ISO}" if self.iso else "")


def date_form(table: OpenTable, column: int, markers: Sequence[str], day_first: bool) -> DateForm:
    """The form of a column's dates, as its cells show it."""
    cells = f"(SELECT {sql.text(column, table.types[column], markers)} AS t FROM {table.rows})"
    # In the order of their digests, not of the text: there, dates of one form come first.
    sample = (
        f"(SELECT DISTINCT t FROM {cells} WHERE t IS NOT NULL ORDER BY md5(t) LIMIT {COMPARED})"
    )
    readings = [read for form in FORMS for read in (sql.moment("t", form), sql.in_form("t", form))]
    found = _counts(table, readings, sample)
    # With ISO 8601 beside it each form reads what is written so: of its own it must read some too.
    fits = dict(zip(FORMS, zip(found[::2], found[1::2], strict=True), strict=True))
    forms = [form for form in FORMS if fits[form] == max(fits.values())]
    if not day_first:  # a form with the month first goes before its like
        forms.sort(key=lambda form: not form.startswith("%m"))
    form, *others = forms
    given, fit, iso = _counts(table, ["t", sql.moment("t", form), sql.in_form("t", sql.ISO)], cells)
    return DateForm(
        form,
        fit,
        iso if form != sql.ISO and sql.iso_beside(form) else 0,
        others,
        _several(table, cells, sample, day_first) if fit < MOSTLY * given else {},
    )


def _several(table: OpenTable, cells: str, sample: str, day_first: bool) -> dict[str, int]:
    """Forms that together read most cells, the one that reads the most of the rest next."""
    forms = [form for form in FORMS if form != sql.MONTHS]  # ranges are written as these are
    if not day_first:
        forms.sort(key=lambda form: not form.startswith("%m"))
    chosen: list[str] = []
    while len(chosen) < SEVERAL:
        rest = f"(SELECT t FROM {sample} WHERE {_none_of(chosen)})"
        found = _counts(table, [sql.in_form("t", form) for form in forms], rest)
        if max(found) == 0:
            break
        chosen.append(forms[found.index(max(found))])
    wanted = [f"CASE WHEN {_none_of(chosen[:n])} THEN {sql.in_form('t', form)} END"
              for n, form in enumerate(chosen)]  # fmt: skip
    given, *counts = _counts(table, ["t", *wanted], cells)
    return dict(zip(chosen, counts, strict=True)) if sum(counts) >= MOSTLY * given else {}


def _none_of(forms: Iterable[str]) -> str:
    return " AND ".join(["true", *(f"{sql.in_form('t', form)} IS NULL" for form in forms)])


def _counts(table: OpenTable, wanted: Sequence[str], source: str) -> Sequence[int]:
    """How many rows have a value of each of these."""
    return table.one(f"SELECT {', '.join(f'count({value})' for value in wanted)} FROM {source}")
