"""Columns that say how rows are split, and are no features."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.splits import Splits, split
from pipeline.errors import InputError
from tests.pipeline.data.reading import fingerprint_of, read

ROWS = 240


@pytest.fixture
def visits() -> pd.DataFrame:
    """Visits of forty patients, one a day."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "pressure": rng.normal(120, 10, ROWS).round(3),
            "age": rng.integers(20, 90, ROWS),
            "patient": [f"p{n:02}" for n in rng.integers(0, 40, ROWS)],
            "day": pd.date_range("2024-01-01", periods=ROWS).strftime("%d/%m/%Y"),
            "part": rng.choice(["train", "Valid", "TEST"], ROWS, p=[0.6, 0.2, 0.2]),
            "ill": rng.choice(["yes", "no"], ROWS),
        }
    )


def parts_of(table: pd.DataFrame, folder: Path, **settings) -> Splits:
    path = folder / "visits.csv"
    table.to_csv(path, index=False)
    config = DataConfig(source=str(path), label="ill", **settings)
    source = read(config, folder)
    for key in ("split", "group", "time"):
        assert settings.get(key) not in source.number_names + source.category_names
    return split(source, config, 0).parts


def test_a_column_says_which_rows_are_for_what(visits: pd.DataFrame, tmp_path: Path):
    parts = parts_of(visits, tmp_path, split="part")
    for name, rows in (
        ("train", parts.train),
        ("train", parts.pretrain),
        ("Valid", parts.validation),
        ("TEST", parts.test),
    ):
        np.testing.assert_array_equal(rows, np.flatnonzero(visits["part"] == name))


def test_copies_on_two_sides_are_said_where_a_column_decides(visits: pd.DataFrame, tmp_path: Path):
    path = tmp_path / "visits.csv"
    alike = ["pressure", "age", "patient", "day"]
    visits.loc[visits["part"] == "TEST", alike] = visits.loc[0, alike].tolist()
    visits.assign(part=visits["part"].where(visits.index > 0, "train")).to_csv(path, index=False)
    config = DataConfig(source=str(path), label="ill", split="part")
    found = split(read(config), config, 0)
    tested = len(found.parts.test)
    assert f"{tested} of {tested} test rows of visits equal a training row" in found.notes[-1]


def test_a_part_that_the_column_does_not_name_is_held_out(visits: pd.DataFrame, tmp_path: Path):
    table = visits.assign(part=visits["part"].replace("Valid", "train"))
    parts = parts_of(table, tmp_path, split="part")
    np.testing.assert_array_equal(parts.test, np.flatnonzero(table["part"] == "TEST"))
    assert len(parts.validation) == round(0.15 * (ROWS - len(parts.test)))
    table = visits.assign(part=visits["part"].replace("TEST", "training"))
    parts = parts_of(table, tmp_path, split="part")
    np.testing.assert_array_equal(parts.validation, np.flatnonzero(table["part"] == "Valid"))
    assert len(parts.test) == round(0.2 * (ROWS - len(parts.validation)))


def test_other_words_than_the_parts_are_refused(visits: pd.DataFrame, tmp_path: Path):
    table = visits.assign(part=visits["part"].replace("Valid", "held back"))
    with pytest.raises(InputError, match=r"data\.split.*part of visits says 'held back'"):
        parts_of(table, tmp_path, split="part")


def test_no_patient_is_on_two_sides(visits: pd.DataFrame, tmp_path: Path):
    parts = parts_of(visits, tmp_path, group="patient")
    sides = [set(visits["patient"][list(part)]) for part in parts[2:]]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 40
    assert 30 < len(parts.test) < 65


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%Y-%m-%d", "%Y%m%d"])
def test_the_latest_rows_test_and_the_ones_before_validate(
    visits: pd.DataFrame, tmp_path: Path, form: str
):
    days = pd.to_datetime(visits["day"], format="%d/%m/%Y").dt.strftime(form)
    shuffled = visits.assign(day=days).sample(frac=1, random_state=0).reset_index(drop=True)
    parts = parts_of(shuffled, tmp_path, time="day")
    moments = pd.to_datetime(shuffled["day"], format=form)
    latest = [moments[list(part)].max() for part in (parts.train, parts.validation, parts.test)]
    earliest = [moments[list(part)].min() for part in (parts.train, parts.validation, parts.test)]
    assert latest[0] < earliest[1] and latest[1] < earliest[2]
    assert [len(part) for part in parts] == [163, 29, 163, 29, 48]


def test_rows_of_one_moment_are_not_parted_and_later_ones_without_label_pretrain_nothing(
    visits: pd.DataFrame, tmp_path: Path
):
    table = visits.assign(day=np.arange(ROWS) // 20)  # twelve moments of twenty rows
    table.loc[table.index % 4 == 0, "ill"] = None
    parts = parts_of(table, tmp_path, time="day", test=0.2, validation=0.2)
    assert set(table["day"][list(parts.test)]) == {10, 11}
    assert set(table["day"][list(parts.validation)]) == {8, 9}
    assert set(table["day"][list(parts.pretrain)]) == set(range(8))
    assert len(parts.pretrain) == 160 and len(parts.train) == 120


def test_a_class_that_begins_after_the_training_rows_loses_its_labels(
    visits: pd.DataFrame, tmp_path: Path
):
    table = visits.assign(ill=["new" if n > 230 else "ab"[n % 2] for n in range(ROWS)])
    path = tmp_path / "visits.csv"
    table.to_csv(path, index=False)
    config = DataConfig(source=str(path), label="ill", time="day")
    found = split(read(config), config, 0)
    assert "new" not in found.target
    assert found.parts.test.max() == 230
    assert any("'new' (9 rows)" in note for note in found.notes)


def test_a_time_of_words_is_refused(visits: pd.DataFrame, tmp_path: Path):
    with pytest.raises(InputError, match=r"data\.time names a column of dates.*'p00'.*'patient'"):
        parts_of(visits, tmp_path, time="patient")


def test_a_column_that_is_not_there_and_one_that_is_the_label_are_refused_together(
    visits: pd.DataFrame, tmp_path: Path
):
    with pytest.raises(InputError) as refused:
        parts_of(visits, tmp_path, group="pateint", ignore=["agee"])
    assert "data.group" in str(refused.value) and "Did you mean 'patient'" in str(refused.value)
    assert "data.ignore" in str(refused.value)
    with pytest.raises(InputError, match=r"data\.time names another column than data\.label"):
        parts_of(visits, tmp_path, time="ill")


def test_a_column_that_is_said_to_be_of_a_kind_is_a_feature_too(
    visits: pd.DataFrame, tmp_path: Path
):
    path = tmp_path / "visits.csv"
    visits.to_csv(path, index=False)
    config = DataConfig(source=str(path), label="ill", time="day", dates=("day",))
    assert "day" in read(config).number_names


def test_arrays_have_no_such_columns(tmp_path: Path):
    np.savez(tmp_path / "rows.npz", x=np.random.default_rng(0).random((9, 2)), y=[0, 1, 2] * 3)
    with pytest.raises(InputError, match=r"data\.group names a column of a table"):
        read(DataConfig(source=str(tmp_path / "rows.npz"), group="x0"))


def test_rows_on_disk_are_split_as_those_in_memory(visits: pd.DataFrame, tmp_path: Path):
    table = pd.concat([visits[["pressure", "age", "patient", "ill"]]] * 8, ignore_index=True)
    table["pressure"] += np.arange(len(table)) // 3  # three copies of each row
    inside = parts_of(table, tmp_path, group="patient")
    outside = parts_of(table, tmp_path, group="patient", memory=1e-5)
    for one, two in zip(inside, outside, strict=True):
        np.testing.assert_array_equal(one, two)
    numbers = table.drop(columns="patient")
    inside = parts_of(numbers, tmp_path, holdout="stable")
    outside = parts_of(numbers, tmp_path, holdout="stable", memory=1e-5)
    for one, two in zip(inside, outside, strict=True):
        np.testing.assert_array_equal(one, two)


def test_other_groups_are_other_data(visits: pd.DataFrame, tmp_path: Path):
    path = tmp_path / "visits.csv"
    found = []
    for table in (visits, visits.assign(patient=visits["patient"].str.upper())):
        table.to_csv(path, index=False)
        found.append(
            fingerprint_of(read(DataConfig(source=str(path), label="ill", group="patient")))
        )
    assert found[0] != found[1]
