"""What DuckDB makes of a cell, as SQL: text without marks of what is missing, numbers, dates."""

from collections.abc import Sequence
from contextlib import suppress
from math import isfinite

from pipeline.data.cells import LARGEST
from pipeline.data.sources.tables.opening.connection import literal

BOOLEANS = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "ja", "oui", "wahr", "vrai", "1", "1.0"), True),
    **dict.fromkeys(
        ("false", "f", "no", "n", "off", "nein", "non", "falsch", "faux", "0", "0.0"), False
    ),
}
"""How truth is written, in whatever case."""

EDGES = " \t\r\n\u00a0"
"""What is no part of a cell where it stands at either end."""
SPACE = r"[\s\x{00A0}\x{202F}]"
_SIGN = r"[+\x{2212}-]?"
SIGNS = {"": "", "+": "", "-": "-", "()": "-"}
"""What may stand around a number, and its sign: accountants put negative ones in parentheses."""
MONEY = (
    "(?:[A-Z]{0,2}[$€£¥]|EUR|USD|GBP|CHF|JPY|CNY|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|TRY|INR|BRL|"
    "MXN|ZAR|KRW|SGD|HKD|RUB)"
)
_BEFORE = rf"^([+\x{{2212}}(-]?){MONEY}?{SPACE}*({_SIGN})"
_AFTER = rf"{SPACE}*(?:%|{MONEY})?([\x{{2212}})-]?)$"
_GROUPED = r"[1-9]\d{0,2}(?:[,'\x{2019}\x{00A0}\x{202F} ]\d{3})+(?:\.\d+)?"
_PLAIN = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
POINT = rf"{_BEFORE}({_GROUPED}|{_PLAIN}){_AFTER}"
"""Numbers with a decimal point: 1,037.5 and 5 % and $12 and (12.5) and 12- beside plain ones."""
_GROUPED_COMMA = r"[1-9]\d{0,2}(?:[.'\x{2019}\x{00A0}\x{202F} ]\d{3})+(?:,\d+)?"
_PLAIN_COMMA = r"(?:\d+,?\d*|,\d+)(?:[eE][+-]?\d+)?"
COMMA = rf"{_BEFORE}({_GROUPED_COMMA}|{_PLAIN_COMMA}|{_PLAIN}){_AFTER}"
"""Numbers with a decimal comma: 0,126 and 1.037,5."""
POINTED = r"[+-]?(?:0|[1-9]\d{0,2}(?:\.\d{3})*)"
"""Whole numbers whose thousands are set apart by points, if they have any."""


_NUMBERS = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER"),
    *("UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL"),
)
"""DuckDB's types of numbers; behind DECIMAL stands its width."""
_DATES = ("DATE", "TIMESTAMP", "TIME")
_TEXTS = ("VARCHAR", "ENUM", "UUID")


def is_number(kind: str) -> bool:
    """Whether a type of DuckDB's is a number."""
    return kind.partition("(")[0] in _NUMBERS


def is_date(kind: str) -> bool:
    """Whether it is a date, a moment or a time of day."""
    return kind.startswith(_DATES)


def is_time(kind: str) -> bool:
    """Whether it is a time of day."""
    return kind.startswith("TIME") and not kind.startswith("TIMESTAMP")


def is_text(kind: str) -> bool:
    """Whether it is text."""
    return kind.startswith(_TEXTS)


def is_plain(kind: str) -> bool:
    """Whether it is text or a number."""
    return is_text(kind) or is_number(kind)


def text(column: int, kind: str, markers: Sequence[str]) -> str:
    """A cell of any type as text, NULL where it is missing."""
    cell = f"c{column}" if kind == "VARCHAR" else f"CAST(c{column} AS VARCHAR)"
    if is_text(kind):
        return given(cell, markers)
    return f"CASE WHEN {cell} = 'nan' THEN NULL ELSE {cell} END" if is_number(kind) else cell


def typed_number(column: int) -> str:
    """A cell whose type is a number, as DOUBLE; NULL where it is none or out of range."""
    return f"CASE WHEN abs(c{column}::DOUBLE) <= {LARGEST} THEN c{column}::DOUBLE END"


def given(cell: str, markers: Sequence[str]) -> str:
    """A cell of text, trimmed; NULL where it is empty or a mark of what is missing."""
    trimmed = f"trim({cell}, '{EDGES}')"
    missing = ", ".join(literal(marker.lower()) for marker in markers)
    return f"CASE WHEN lower({trimmed}) IN ({missing}) THEN NULL ELSE {trimmed} END"


def numeric(markers: Sequence[str]) -> tuple[float, ...]:
    """The numbers among marks of what is missing: -999 is one however it is written."""
    found = []
    for marker in markers:
        with suppress(ValueError):
            found.append(float(marker))
    return tuple(number for number in found if isfinite(number))


def not_marked(number: str, markers: Sequence[str]) -> str:
    """A DOUBLE, NULL where its number is a mark of what is missing."""
    for marked in numeric(markers):
        number = f"NULLIF({number}, {marked!r}::DOUBLE)"
    return number


def plain_number(text: str) -> str:
    """Text as DOUBLE where it is a number as programs write it, else NULL."""
    number = f"TRY_CAST({text} AS DOUBLE)"
    return f"CASE WHEN abs({number}) <= {LARGEST} AND NOT contains({text}, '_') THEN {number} END"


def number(text: str, decimal: str) -> str:
    """Text as DOUBLE where it is a number as people write it, else NULL."""
    if decimal == ".":
        digits = (
            f"regexp_replace(regexp_extract({text}, {literal(POINT)}, 3), '[^0-9.eE+-]', '', 'g')"
        )
        other = plain_number(f"({_sign(text, POINT)} || {digits})")
        return f"COALESCE({plain_number(text)}, {other})"
    found = f"regexp_extract({text}, {literal(COMMA)}, 3)"
    grouped = f"regexp_full_match({found}, {literal(_GROUPED_COMMA)}) OR contains({found}, ',')"
    digits = (
        f"CASE WHEN {grouped} THEN replace(regexp_replace({found}, '[^0-9,eE+-]', '', 'g'), "
        f"',', '.') ELSE {found} END"
    )
    return plain_number(f"({_sign(text, COMMA)} || {digits})")


def _sign(text: str, pattern: str) -> str:
    """The sign of a number as programs write it, NULL where there are two."""
    around = " || ".join(f"regexp_extract({text}, {literal(pattern)}, {n})" for n in (1, 2, 4))
    known = " ".join(f"WHEN '{signs}' THEN '{sign}'" for signs, sign in SIGNS.items())
    return f"CASE replace({around}, '\u2212', '-') {known} END"


def boolean(text: str) -> str:
    """Text as 1.0 or 0.0 where it says true or false, else NULL."""
    words = {
        value: ", ".join(literal(word) for word, means in BOOLEANS.items() if means is value)
        for value in (True, False)
    }
    return (
        f"CASE WHEN lower({text}) IN ({words[True]}) THEN 1.0::DOUBLE "
        f"WHEN lower({text}) IN ({words[False]}) THEN 0.0::DOUBLE END"
    )


ISO = "ISO 8601"
_TIME = r"[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}(?::?\d{2})?)?"
_ISO_SHAPE = rf"\d{{4}}[-/]\d{{1,2}}[-/]\d{{1,2}}(?:{_TIME})?"


TIME_OF_DAY = "%H:%M:%S"
_NEW_YEAR_1900 = -2_208_988_800
"""The day of times that have none, in seconds since 1970."""


def typed_moment(column: int, kind: str) -> str:
    """A cell whose type is a date or a time of day as seconds since 1970 in UTC, DOUBLE."""
    return f"epoch(c{column}) + {_NEW_YEAR_1900 if is_time(kind) else 0}"


MONTHS = "%y-%m"
"""Months of numbered years: 1-01, 1-02, ..., 3-12. So are ranges written."""


def iso_beside(form: str) -> bool:
    """Whether a date in ISO 8601 is one of a column of this form: it has a calendar."""
    return form == ISO or ("%y" in form.lower() and form != MONTHS)


def moment(text: str, form: str) -> str:
    """Text as seconds since 1970 in UTC, DOUBLE: a date of this form or in ISO 8601, else NULL.

    What could be both is read in this form.
    """
    if form == ISO or not iso_beside(form):
        return in_form(text, form)
    return f"COALESCE({in_form(text, form)}, {in_form(text, ISO)})"


def in_form(text: str, form: str) -> str:
    """Text as seconds since 1970 in UTC, DOUBLE, where it is a date of this form, else NULL."""
    if form == ISO:
        found = f"regexp_full_match({text}, {literal(_ISO_SHAPE)})"
        moment = f"CASE WHEN {found} THEN epoch(TRY_CAST({text} AS TIMESTAMPTZ)) END"
        return moment
    moment = f"epoch(try_strptime({text}, {literal(form)}))"
    if "%Y" in form:  # DuckDB takes a year of fewer digits
        return f"CASE WHEN regexp_matches({text}, '\\d{{4}}') THEN {moment} END"
    return moment
