"""Dates as text are read by the exported model as DuckDB reads them when a model is trained."""

import random
from datetime import datetime, timedelta

import duckdb
import numpy as np
import pytest
import tensorflow as tf

from pipeline.data.sources.tables import sql
from pipeline.data.sources.tables.date_forms import FORMS
from pipeline.export.signatures.dates import seconds_of
from pipeline.export.signatures.inputs import date_text

FIRST, LAST = datetime(1900, 1, 1), datetime(2100, 12, 31)
ISO_ENDS = ("", "Z", "+01", "-0330", "+05:45", "-12:00")
ISO_SHAPES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d %H:%M:%S"),
    *("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%f000"),
)
ODD = (
    *("", " ", "x", "?", "24:00", "24:00:00", "12:60", "0:30 am", "12:00 AM", "12:59:59 pm"),
    *("2023-02-29", "2024-02-29", "1900-02-29", "2000-02-29", "2023-13-01", "2023-00-10"),
    *("2023-01-00", "2023-01-32", "2023-04-31", "2023-1-2", "2023-01/02", "2023/01-02"),
    *("2023-01-02 24:00", "2023-01-02 24:00:01", "2023-01-02 25:00", "2023-01-02 23:59:60"),
    *("2023-01-02 3:04", "2023-01-02t03:04", "2023-01-02 03:04:05+99:99", "2023-01-02Z"),
    *("1/2/99", "1/2/1999", "31/12/68", "31/12/69", "1/1/0", "1/1/00", "29/2/00", "1/13/2023"),
    *("13/1/2023", "1/1/0001", "1/2/02023", "1/2/2023 ", "1/ 2/2023", "1/2/99 10:00:00.1234"),
    *("202311", "20231131", "20231130", "2023113", "20230230", "2023", "3/2023", "2023-3"),
    *("1 may 2023", "1  MAY  2023", "1 June 2023", "1-Sept-2023", "Jan  2,  2023", "May 2023"),
)


def by_duckdb(texts: list[str], form: str) -> np.ndarray:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(
            f"SELECT {sql.moment('t', form)}::DOUBLE FROM (SELECT unnest(?::VARCHAR[]) AS t)",
            [texts],
        )
        return np.array([np.nan if value is None else value for (value,) in found.fetchall()])


def some_dates(number: int, seed: str) -> list[datetime]:
    draw = random.Random(seed)
    seconds = (LAST - FIRST).total_seconds()
    return [FIRST + timedelta(seconds=draw.uniform(0, seconds)) for _ in range(number)]


def written(date: datetime, form: str) -> str:
    draw = random.Random(f"{date}{form}")
    if form == sql.ISO:
        shape = draw.choice(ISO_SHAPES)
        return date.strftime(shape) + (draw.choice(ISO_ENDS) if "%H" in shape else "")
    text = date.strftime(form)
    return draw.choice([text, text.upper(), text.lower(), text.replace(" 0", " ")])


@pytest.mark.parametrize("part", range(6))
def test_every_form_is_read_as_duckdb_reads_it(part):
    """Dates of two centuries, whole, with a sign changed or lost, and odd ones."""
    for form in FORMS[part::6]:
        texts = [written(date, form) for date in some_dates(30, form)]
        draw = random.Random(form)
        for text in texts[:20]:
            place = draw.randrange(len(text))
            texts.append(
                text[:place] + draw.choice(["", "9", "0", " ", "-", "x"]) + text[place + 1 :]
            )
        texts = [text.strip() for text in [*texts, *ODD]]
        expected = by_duckdb(texts, form)
        got = seconds_of(tf.constant(texts), form).numpy()
        assert np.isfinite(expected[:30]).mean() > 0.9, form
        differ = [
            (form, *row)
            for row in zip(texts, expected.tolist(), got.tolist(), strict=True)
            if not np.isclose(row[1], row[2], rtol=1e-15, atol=1e-6, equal_nan=True)
        ]
        assert differ == []


@pytest.mark.parametrize("form", [form for form in FORMS[::7] if sql.iso_beside(form)])
def test_iso_dates_are_read_beside_every_form_of_a_calendar_by_both(form):
    texts = [written(date, sql.ISO) for date in some_dates(20, form)]
    got = seconds_of(tf.constant(texts), form).numpy()
    np.testing.assert_array_equal(got, seconds_of(tf.constant(texts), sql.ISO).numpy())
    np.testing.assert_allclose(got, by_duckdb(texts, form), rtol=1e-15, atol=1e-6)


def test_every_day_of_two_centuries_has_its_seconds():
    days = np.arange(np.datetime64("1900-01-01"), np.datetime64("2101-01-01"))
    got = seconds_of(tf.constant(days.astype(str)), sql.ISO).numpy()
    np.testing.assert_array_equal(got, days.astype("datetime64[s]").astype("int64"))


@pytest.mark.parametrize("form", [sql.ISO, "%d/%m/%Y %H:%M:%S.%f", "%b %d, %Y %I:%M:%S %p"])
def test_a_date_is_written_in_the_form_in_which_it_is_read(form):
    seconds = [float(int((date - datetime(1970, 1, 1)).total_seconds()))
               for date in some_dates(50, form)]  # fmt: skip
    texts = [date_text(value, form) for value in seconds]
    np.testing.assert_array_equal(seconds_of(tf.constant(texts), form).numpy(), seconds)
    assert date_text(float("nan"), form) == ""


@pytest.mark.parametrize("seconds", [0.0, -1.5, 1.7e9, 1764000000.123456, -6.2e10])
def test_a_date_may_be_given_as_seconds_since_1970(seconds):
    for form in (sql.ISO, "%d/%m/%Y"):
        (got,) = seconds_of(tf.constant([f"@{seconds!r}"]), form).numpy()
        assert got == seconds


@pytest.mark.parametrize("text", ["@", "@x", "@nan", "1764000000", "@1 2", "@-", "@1.2.3"])
def test_what_is_neither_date_nor_seconds_is_missing(text):
    assert np.isnan(seconds_of(tf.constant([text, "2023-01-02"]), sql.ISO).numpy()).tolist() == [
        True,
        False,
    ]
