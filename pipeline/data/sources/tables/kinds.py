"""What each column is taken for, and why: number, category, date, boolean, or left out."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from pipeline.counting import counted
from pipeline.data.source import Kind
from pipeline.data.sources.tables.date_forms import DateForm
from pipeline.data.sources.tables.sql import MONTHS
from pipeline.data.sources.tables.survey import Survey
from pipeline.data.sources.tables.units import is_known, several_told, told

Mark = Literal[".", ","]
"""Of decimals."""
MOSTLY = 0.9
"""Of the cells that are given, the share that must be numbers or dates for the rest to be bad."""
FEW_WORDS = 3
UNIQUE = 0.9
"""Different values among the cells, from which on a column names the row that it is in."""
FEWEST_ROWS = 20
"""Of which it can be said that a column numbers them."""
ENOUGH_COMMAS = 20
"""Cells with a comma from which on it is no chance that three digits follow each."""
FIRST_DAY, LAST_DAY, DAYS = 1900_01_01, 2100_12_31, "%Y%m%d"
"""Whole numbers between which all may be days."""
FEWEST_DAYS = 5
"""Different ones: of numbers as they come one in thirty has a month and a day."""
LONG_NUMBER = 10_000
"""The least greatest whole number of an identifier."""

_IDENTIFIER = re.compile(
    r"(^|[_\s.-])(id|ids|uuid|guid|identifier|key)$|^(id|uuid)[_\s.-]|[a-z]Id$", re.I
)
_ROW_NUMBER = re.compile(
    r"^(|unnamed: \d+|rownames?|row_?(id|number|num|no)?|index|no\.?|nr\.?)$", re.I
)
_TIME = re.compile(r"time|date|year|epoch|stamp", re.I)


@dataclass(frozen=True)
class Decision:
    """What a column is taken for.

    Attributes:
        kind: what it is as a feature; None where it is left out.
        form: how its cells are written where that must be known: the decimal mark of a number
            with a comma, the form of a date.
        why: a phrase for people where it is no plain case, else "".
        bad: cells that are not of the kind; they count as missing.
        found: what a column that is left out is: identifier, text, constant, ...
        unit: of a number's cells.
    """

    kind: Kind | None
    form: str = ""
    why: str = ""
    bad: int = 0
    found: str = ""
    unit: str = ""


def decided(
    counts: Survey,
    name: str,
    position: int,
    rows: int,
    file_mark: Mark | None,
    dates: Callable[[], DateForm],
    exact: Callable[[], int],
    others: Callable[[Mark], list[tuple[str, int]]],
) -> Decision:
    """What a column of text cells is, by what is in it.

    `file_mark` is the decimal mark of the file, where that is known; `dates` gives the form of
    its dates; `exact` the number of different values, which `counts` estimates; `others` the most
    frequent cells that are no numbers, and how often each occurs.
    """
    if counts.units.unit and _names_rows(counts, exact):
        return _of_text(counts, exact)
    decision = _by_cells(counts, name, position, rows, file_mark, dates, exact, others)
    return with_unit(decision, counts)


def with_unit(decision: Decision, counts: Survey) -> Decision:
    """The decision about numbers that have a unit, of what was decided without it."""
    unit = counts.units.unit
    if not unit or decision.kind in (None, "category"):
        return decision
    why = f"{told(unit)}; {decision.why}" if decision.why else told(unit)
    form = decision.form if decision.kind == "number" else ""
    return Decision("number", form, why, decision.bad, unit=unit)


def _names_rows(counts: Survey, exact: Callable[[], int]) -> bool:
    """Whether whole numbers with a unit name their rows: nearly all differ.

    And they lie close together, or the unit is none that is known.
    """
    if counts.least is None or counts.greatest is None:
        return False
    if counts.integers < UNIQUE * counts.given:
        return False
    if counts.distinct < 0.8 * UNIQUE * counts.given:  # an estimate
        return False
    span, different = counts.greatest - counts.least + 1, exact()
    close = different >= UNIQUE * span
    return different >= UNIQUE * counts.given and (close or not is_known(counts.units.unit))


def _by_cells(
    counts: Survey,
    name: str,
    position: int,
    rows: int,
    file_mark: Mark | None,
    dates: Callable[[], DateForm],
    exact: Callable[[], int],
    others: Callable[[Mark], list[tuple[str, int]]],
) -> Decision:
    given = counts.given
    if given == 0:
        return left_out("empty", "it has no value")
    if counts.first == counts.last:
        if given == rows:
            return left_out("constant", f"every value is {counts.first!r}")
        return Decision("category", why="it has one value, or none")
    if counts.plain == given and counts.zeros == 0:
        return _of_numbers(counts, name, position, rows, dates, exact)
    if counts.zeros and counts.plain == given:
        code = _of_text(counts, exact)
        return replace(code, why=code.why or "numbers that begin with 0 are codes")
    if counts.booleans == given:
        return Decision("boolean")
    mark, numbers = decimal(counts, file_mark)
    if numbers >= max(MOSTLY * given, counts.date_like) and not counts.units.several:
        return _numbers_with_bad(counts, mark, numbers)
    if counts.date_like >= MOSTLY * given:
        found = dates()
        form, fit = found.form, found.fit
        if fit >= MOSTLY * given and (form != MONTHS or exact() == fit == given):
            why = str(found)
            if found.others:
                why += f"; {' and '.join(found.others[:3])} would fit as well"
            why += _missing(given - fit, "; ")
            return Decision("date", form, why, bad=given - fit)
        if found.several:
            return _of_several_forms(_of_text(counts, exact), found.several)
    text = _of_text(counts, exact)
    if counts.units.several:
        why = f"it {several_told(counts.units)}"
        return replace(text, why=f"{text.why}; {why}" if text.why else why)
    if 2 * numbers < given:
        return text
    listed = ", ".join(f"{cell!r} ({times})" for cell, times in others(mark))
    why = (
        f"{numbers} of {given} cells are numbers, the others are not: {listed}. Name what means a "
        "missing value in data.missing_values, or the column in data.numeric"
    )
    return replace(text, why=f"{text.why}; {why}" if text.why else why)


def said(kind: Kind, counts: Survey, mark: Mark, dates: Callable[[], DateForm]) -> Decision:
    """A column that the config says is of this kind; cells that are not are bad."""
    match kind:
        case "category":
            return Decision("category")
        case "boolean":
            read = max(counts.booleans, counts.plain if _zeros_and_ones(counts) else 0)
            return Decision("boolean", "", _missing(counts.given - read), counts.given - read)
        case "number":
            numbers = counts.commas if mark == "," else counts.points
            return with_unit(_numbers_with_bad(counts, mark, max(numbers, counts.plain)), counts)
        case "date":
            found = dates()
            bad = counts.given - found.fit
            return Decision("date", found.form, f"{found}{_missing(bad, '; ')}", bad)


def _zeros_and_ones(counts: Survey) -> bool:
    return counts.integers == counts.given and (counts.least, counts.greatest) == (0, 1)


def _may_be_days(counts: Survey) -> bool:
    least, greatest = counts.least, counts.greatest
    if least is None or greatest is None or least < FIRST_DAY or greatest > LAST_DAY:
        return False
    return counts.integers == counts.given and counts.distinct >= FEWEST_DAYS


def _missing(bad: int, before: str = "") -> str:
    verbs = "is none and counts" if bad == 1 else "are none and count"
    return f"{before}{counted(bad, 'cell')} {verbs} as missing" if bad else ""


def left_out(found: str, why: str) -> Decision:
    """A column that is no feature."""
    return Decision(None, why=why, found=found)


def _of_numbers(
    counts: Survey,
    name: str,
    position: int,
    rows: int,
    dates: Callable[[], DateForm],
    exact: Callable[[], int],
) -> Decision:
    assert counts.least is not None and counts.greatest is not None
    if _zeros_and_ones(counts):
        return Decision("boolean")
    if _may_be_days(counts):
        form, fit, *_ = dates()
        if (form, fit) == (DAYS, counts.given):
            return Decision("date", form, f"every whole number is a day written {form}")
    if counts.integers < counts.given or counts.given < rows:
        return Decision("number")
    if rows < FEWEST_ROWS or counts.distinct < 0.8 * UNIQUE * rows:  # an estimate
        return Decision("number")
    different = exact()
    span = counts.greatest - counts.least + 1
    counts_rows = different == rows == span
    if counts_rows and (counts.least in (0, 1) or not _TIME.search(name)):
        return left_out("row number", f"it counts the rows from {counts.least:g}")
    if different == rows and _ROW_NUMBER.match(name):
        return left_out("row number", "it numbers the rows")
    if different < UNIQUE * rows:
        return Decision("number")
    if _IDENTIFIER.search(name):
        return left_out("identifier", f"{different} of {rows} values differ, and its name says so")
    if _TIME.search(name):
        return Decision("number")
    if position == 0 and counts.greatest >= LONG_NUMBER and different < span / 10:
        return left_out(
            "identifier",
            f"it is the first column, and {different} of {rows} values, whole numbers up to "
            f"{counts.greatest:.0f}, differ",
        )
    if counts.greatest >= LONG_NUMBER:
        return Decision("number", why="nearly every value differs: is it an identifier?")
    return Decision("number")


def decimal(counts: Survey, mark: Mark | None) -> tuple[Mark, int]:
    """The decimal mark that makes more cells numbers; of two the one of the file.

    Unless commas set thousands apart: numbers of three decimals, each of them, would not stand
    beside whole ones, all below a thousand.
    """
    if counts.points != counts.commas:
        mark = "," if counts.commas > counts.points else "."
    elif (
        counts.with_comma >= ENOUGH_COMMAS
        and counts.plain
        and counts.plain == counts.integers
        and counts.greatest is not None
        and counts.greatest < 1000
    ):
        mark = "."
    return mark or ".", counts.commas if mark == "," else counts.points


def _numbers_with_bad(counts: Survey, mark: Mark, numbers: int) -> Decision:
    bad = counts.given - numbers
    notes = []
    if mark == "," and counts.with_comma:
        notes.append("written with a decimal comma")
    elif numbers > counts.plain:
        notes.append("written with thousands or units")
    if counts.units.several:
        notes.append(f"it {several_told(counts.units)}")
    if bad:
        notes.append(_missing(bad))
    return Decision("number", "," if mark == "," else "", "; ".join(notes), bad)


def _of_several_forms(text: Decision, several: Mapping[str, int]) -> Decision:
    """A column of dates in several forms, which is text until a person says more."""
    forms = ", ".join(f"{form} ({count:,})" for form, count in several.items())
    why = (
        f"it looks like dates of several forms, {forms}. Write them in one form, or name the "
        "column in data.dates: dates of one form are read then, beside those in ISO 8601"
    )
    found = "dates of several forms" if text.kind is None else ""
    return Decision(text.kind, why=why, found=found)


def _of_text(counts: Survey, exact: Callable[[], int]) -> Decision:
    if counts.distinct <= 0.4 * counts.given or counts.distinct <= 10:
        return Decision("category")
    different = exact()
    if counts.words > FEW_WORDS and 2 * different > counts.given:
        return left_out(
            "text", f"{different} of {counts.given} values differ, {counts.words:.0f} words each"
        )
    if different >= UNIQUE * counts.given and counts.given >= FEWEST_ROWS:
        return left_out("identifier", f"{different} of {counts.given} values differ")
    return Decision("category")
