"""Dates as text to seconds, by TensorFlow alone, as DuckDB reads them (`tables.sql.moment`)."""

import re
from calendar import month_abbr, month_name

import tensorflow as tf

from pipeline.data.sources.tables.sql import ISO, iso_beside

_SECONDS = r"^@(-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)$"
"""Seconds since 1970, as `date -d` takes them."""
_SPACE = r"[ \t\n\v\f\r]+"
_FIELDS = {
    "d": 2, "m": 2, "y": 2, "Y": 4, "H": 2, "I": 2, "M": 2, "S": 2, "f": 6,
}  # fmt: skip
"""Numbers in a form, and how many digits they have at most."""
_MONTHS = {"b": tuple(month_abbr)[1:], "B": tuple(month_name)[1:]}
_HALVES = ("AM", "PM")
_ISO_PARTS = (
    ("Y", r"\d{4}"), ("", "[-/]"), ("m", r"\d{1,2}"), ("", "[-/]"), ("d", r"\d{1,2}"),
    ("", "(?:[ T]"), ("H", r"\d{1,2}"), ("", ":"), ("M", r"\d{2}"), ("", "(?::"), ("S", r"\d{2}"),
    ("", r"(?:\."), ("f", r"\d+"), ("", ")?)?(?:Z|"), ("sign", "[+-]"), ("zone hours", r"\d{2}"),
    ("", "(?::?"), ("zone minutes", r"\d{2}"), ("", ")?)?)?"),
)  # fmt: skip
_ISO_ALIKE = r"\d{4}(?:-\d+-|/\d+/).*"
_YEAR = r".*\d{4}.*"
"""DuckDB takes a year of fewer digits; a date of those is none here."""

Parts = tuple[tuple[str, str], ...]
"""The parts of a date in their order: what each is, "" for what stands between, and its pattern."""


def seconds_of(text: tf.Tensor, form: str) -> tf.Tensor:
    """Seconds since 1970 in UTC, float64, of text without space around it.

    Text is in the form given, ISO 8601 or one of strptime's; in ISO 8601 beside it; or "@" and the
    seconds themselves. All else is NaN.
    """
    stamped = tf.strings.regex_full_match(text, _SECONDS)
    stamp = tf.where(stamped, tf.strings.regex_replace(text, _SECONDS, r"\1"), "nan")
    seconds = tf.strings.to_number(stamp, tf.float64)
    for known in dict.fromkeys((form, ISO) if iso_beside(form) else (form,)):
        seconds = tf.where(tf.math.is_nan(seconds), _in_form(text, known), seconds)
    return seconds


def _in_form(text: tf.Tensor, form: str) -> tf.Tensor:
    """Seconds of dates of this form; NaN for all else."""
    parts = _ISO_PARTS if form == ISO else _parts(form)
    pattern = "^" + "".join(pattern for _, pattern in parts) + "$"
    alike = _ISO_ALIKE if form == ISO else _YEAR if "%Y" in form else ".*"
    found = tf.strings.regex_full_match(text, pattern) & tf.strings.regex_full_match(text, alike)
    numbers = _numbers(tf.where(found, text, ""), parts)
    valid, microseconds = _moment(numbers, midnight=form == ISO)
    seconds = tf.cast(microseconds, tf.float64) / 1e6
    return tf.where(found & valid, seconds, tf.constant(float("nan"), tf.float64))


def _parts(form: str) -> Parts:
    """The parts of a strptime form. Numbers take the digits that they can, as DuckDB's do."""
    pieces = re.findall(r"%(\w)|([^%]+)", form)
    parts: list[tuple[str, str]] = []
    for place, (field, between) in enumerate(pieces):
        if between:
            literal = _SPACE.join(re.escape(word) for word in re.split(r"\s+", between))
            parts.append(("", literal))
        elif field in _FIELDS:
            most = _FIELDS[field]
            number_follows = place + 1 < len(pieces) and pieces[place + 1][0] in _FIELDS
            least = most if number_follows else 1
            parts.append((field, rf"\d{{{least},{most}}}"))
        else:
            words = _HALVES if field == "p" else _MONTHS[field]
            parts.append((field, f"(?i:{'|'.join(words)})"))
    return tuple(parts)


def _numbers(text: tf.Tensor, parts: Parts) -> dict[str, tf.Tensor]:
    """The numbers in dates, int64; 0 in text that is none."""
    numbers = {}
    for field in (field for field, _ in parts if field):
        pattern = "".join(f"({p})" if name == field else p for name, p in parts)
        # Groups inside other parts are not captured, so that this one is the first.
        found = tf.strings.regex_replace(text, f"^{pattern}$", r"\1")
        if field in _MONTHS:
            numbers["m"] = _place(found, _MONTHS[field]) + 1
        elif field == "p":
            numbers["p"] = _place(found, _HALVES)
        elif field == "sign":
            numbers["sign"] = tf.where(found == "-", tf.constant(-1, tf.int64), 1)
        else:
            if field == "f":
                found = tf.strings.substr(tf.strings.join([found, "000000"]), 0, 6)
            numbers[field] = tf.strings.to_number(tf.where(found == "", "0", found), tf.int64)
    return numbers


def _place(text: tf.Tensor, words: tuple[str, ...]) -> tf.Tensor:
    """Which of the words each text is, in whatever case."""
    lower = tf.constant([word.lower() for word in words])
    return tf.argmax(tf.cast(tf.strings.lower(text)[:, None] == lower, tf.int64), axis=1)


def _moment(numbers: dict[str, tf.Tensor], midnight: bool) -> tuple[tf.Tensor, tf.Tensor]:
    """Whether there is such a moment, and its microseconds since 1970 in UTC.

    `midnight`: 24:00:00 ends a day.
    """
    zero = tf.zeros_like(next(iter(numbers.values())))

    def number(field: str, default: int = 0) -> tf.Tensor:
        return numbers.get(field, zero + default)

    year = number("Y", 1900)
    if "y" in numbers:
        year = numbers["y"] + tf.where(numbers["y"] < 69, zero + 2000, 1900)
    month, day = number("m", 1), number("d", 1)
    hour, minute, second = number("H"), number("M"), number("S")
    valid = (month >= 1) & (month <= 12) & (day >= 1)
    valid &= day <= _days(year, month + 1, zero + 1) - _days(year, month, zero + 1)
    if "I" in numbers:
        valid &= (numbers["I"] >= 1) & (numbers["I"] <= 12)
        hour = numbers["I"] % 12 + 12 * numbers["p"]
    in_day = hour < 24
    if midnight:
        in_day |= (hour == 24) & (minute + second + number("f") == 0)
    valid &= in_day & (minute < 60) & (second < 60)
    zone = number("sign", 1) * (3600 * number("zone hours") + 60 * number("zone minutes"))
    seconds = _days(year, month, day) * 86_400 + 3600 * hour + 60 * minute + second - zone
    return valid, seconds * 1_000_000 + number("f")


def _days(year: tf.Tensor, month: tf.Tensor, day: tf.Tensor) -> tf.Tensor:
    """Days since 1970-01-01 in the Gregorian calendar, int64, of years from 0; month 13 is January.

    Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
    """
    months = 12 * year + month - 3  # years begin in March, so that a leap day is the last
    year, month = months // 12, months % 12
    era = year // 400
    of_era = year % 400
    of_year = (153 * month + 2) // 5 + day - 1
    return 146_097 * era + 365 * of_era + of_era // 4 - of_era // 100 + of_year - 719_468
