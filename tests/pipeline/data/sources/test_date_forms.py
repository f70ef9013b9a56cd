"""In which form a column's dates are: one, one beside ISO 8601, or several."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.source import Column
from pipeline.data.sources.read import read_rows
from tests.pipeline.data.reading import read

DAYS = pd.date_range("2015-01-13", periods=240, freq="D")
SECONDS = ((DAYS - pd.Timestamp(0)) / pd.Timedelta("1s")).to_numpy()


def table(folder: Path, days: list[str], name: str = "a.csv") -> Path:
    size = np.arange(len(days)) % 7
    frame = pd.DataFrame({"day": days, "size": size, "y": np.where(size > 3, "p", "q")})
    frame.to_csv(folder / name, index=False, sep=";")
    return folder / name


def in_turn(*forms: str) -> list[str]:
    """Each day in the next of these forms."""
    return [day.strftime(forms[n % len(forms)]) for n, day in enumerate(DAYS)]


def config(path: Path, **keys: object) -> DataConfig:
    return DataConfig.model_validate({"source": str(path), "label": "y", **keys})


FORMS = ["%d.%m.%Y", "%m/%d/%Y", "%d %B %Y", "%Y%m%d", "%d.%m.%Y %H:%M"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("other", ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])
def test_a_model_that_learned_from_one_form_reads_iso_dates_too(form, other, tmp_path: Path):
    source = read(config(table(tmp_path, in_turn(form))))
    assert source.columns[0] == Column("day", "date", form)
    new = read_rows(str(table(tmp_path, in_turn(other), "b.csv")), source.columns, source.layout)
    np.testing.assert_array_equal(new.numbers[:, 0], SECONDS)
    assert new.notes == ()


def test_iso_dates_in_a_column_of_another_form_are_read_and_told(tmp_path: Path):
    source = read(config(table(tmp_path, in_turn("%Y-%m-%d", "%d.%m.%Y", "%Y-%m-%d"))))
    assert source.columns[0] == Column("day", "date", "%d.%m.%Y")
    np.testing.assert_array_equal(source.numbers[:, 0], SECONDS)
    assert source.notes == ("Column 'day' is a date: dates written %d.%m.%Y and ISO 8601.",)


def test_times_of_day_and_months_of_numbered_years_are_no_calendar_s_dates(tmp_path: Path):
    times = [f"{n % 24:02}:{n % 60:02}" for n in range(240)]
    source = read(config(table(tmp_path, times)))
    assert source.columns[0] == Column("day", "date", "%H:%M")
    new = read_rows(str(table(tmp_path, in_turn("%Y-%m-%d"), "b.csv")), source.columns)
    assert np.isnan(new.numbers[:, 0]).all()


def test_a_column_of_dates_in_several_forms_is_left_out_and_the_forms_are_named(tmp_path: Path):
    path = table(tmp_path, in_turn("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d.%m.%Y"))
    source = read(config(path))
    assert source.notes == (
        "Column 'day' is left out (dates of several forms): it looks like dates of several forms, "
        "%d.%m.%Y (120), ISO 8601 (60), %m/%d/%Y (60). Write them in one form, or name the column "
        "in data.dates: dates of one form are read then, beside those in ISO 8601.",
    )
    named = read(config(path, dates=["day"]))
    assert np.isnan(named.numbers[:, 0]).sum() == 60
    assert "dates written %d.%m.%Y and ISO 8601; 60 cells are none" in named.notes[0]


def test_a_few_days_in_several_forms_are_a_category_with_the_same_note(tmp_path: Path):
    few = [["1.2.2020", "13/2/2020", "2.3.2020", "14/3/2020"][n % 4] for n in range(240)]
    source = read(config(table(tmp_path, few)))
    assert source.columns[0] == Column("day", "category")
    assert "%d.%m.%Y (120)" in source.notes[0] and "%d/%m/%Y (120)" in source.notes[0]


def test_every_part_of_a_long_column_is_looked_at_for_its_forms(tmp_path: Path):
    """More different days than are compared; in the order of text, one form comes first."""
    days = pd.date_range("1950-01-01", periods=9_000, freq="D")
    forms = ["%Y.%m.%d", "%d/%m/%Y"]
    path = table(tmp_path, [day.strftime(forms[n % 2]) for n, day in enumerate(days)])
    (note,) = read(config(path)).notes
    assert "%d/%m/%Y (4,500)" in note and "%Y.%m.%d (4,500)" in note


@pytest.mark.parametrize("cells", [["1-2", "3-5", "9-11", "12-40"], ["1.5 kg", "2.5 kg", "x 3-4"]])
def test_ranges_and_units_are_no_dates_of_several_forms(cells: list[str], tmp_path: Path):
    source = read(config(table(tmp_path, [cells[n % len(cells)] for n in range(240)])))
    assert not any("dates" in note for note in source.notes)
