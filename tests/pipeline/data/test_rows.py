"""Rows for inference."""

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.source import Column, RawRows, Source
from pipeline.data.sources.read import read, read_rows
from pipeline.errors import InputError

COLUMNS = (Column("a", "number"), Column("b", "category"), Column("c", "number"))


def test_a_table_is_matched_by_name_whatever_the_order(tmp_path: Path):
    path = tmp_path / "rows.csv"
    pd.DataFrame({"c": [1, 2], "extra": ["?", "!"], "b": [3.0, 4.0], "a": [5, None]}).to_csv(
        path, index=False
    )
    numbers, categories, _ = read_rows(str(path), COLUMNS)[:3]
    np.testing.assert_array_equal(numbers, np.float32([[5, 1], [np.nan, 2]]))
    assert categories.tolist() == [["3"], ["4"]]


def test_the_training_file_gives_the_training_rows(iris_csv: Path):
    source = read(DataConfig(source=str(iris_csv), label="species"))
    numbers, categories, notes = read_rows(str(iris_csv), source.columns)[:3]
    np.testing.assert_array_equal(numbers, source.numbers)
    assert categories.shape == (150, 0)
    assert notes == ()


def test_a_category_column_of_booleans_alone_keeps_its_text(tmp_path: Path):
    (tmp_path / "rows.csv").write_text("a,b,c\n1,true,2\n1,false,2\n")
    assert read_rows(str(tmp_path / "rows.csv"), COLUMNS)[1].tolist() == [["true"], ["false"]]


def test_a_missing_column_is_refused_with_the_nearest(iris_csv: Path):
    columns = (Column("petal_lengths", "number"),)
    with pytest.raises(InputError, match="'petal_lengths'.*Did you mean 'petal_length'"):
        read_rows(str(iris_csv), columns)


def test_cells_that_are_not_of_the_column_s_kind_count_as_missing_and_are_said(tmp_path: Path):
    (tmp_path / "rows.csv").write_text("a,b,c,d\n1,x,2,yes\n1,y,z,maybe\n")
    columns = (*COLUMNS, Column("d", "boolean"))
    numbers, _, notes = read_rows(str(tmp_path / "rows.csv"), columns)[:3]
    np.testing.assert_array_equal(numbers, [[1, 2, 1], [1, np.nan, np.nan]])
    assert ["'c'" in notes[0] and "1 of 2 cells is none, such as 'z'" in notes[0]] == [True]
    assert ["'d'" in notes[1] and "'maybe'" in notes[1]] == [True]


@pytest.mark.parametrize("words", [("True", "False"), ("yes", "no"), ("1", "0"), ("T", "F")])
def test_truth_may_be_written_otherwise_than_in_training(words: tuple[str, str], tmp_path: Path):
    (tmp_path / "rows.csv").write_text("d\n" + "\n".join(words))
    rows = read_rows(str(tmp_path / "rows.csv"), (Column("d", "boolean"),))
    assert rows.numbers.tolist() == [[1], [0]]
    assert rows.notes == ()


def test_all_columns_that_rows_lack_come_in_one_error(tmp_path: Path):
    columns = (*COLUMNS, Column("d", "number"), Column("e", "category"), Column("f", "number"))
    (tmp_path / "rows.csv").write_text("a,b,c,d\n1,x,2,3\n1,y,2,4\n")
    with pytest.raises(InputError) as refusal:
        read_rows(str(tmp_path / "rows.csv"), columns)
    (problem,) = refusal.value.problems
    assert "'e'" in problem and "'f'" in problem


@pytest.mark.parametrize("names", [["0", "1", "2"], ["2019", "2020"]])
def test_a_header_of_numbers_is_one_where_the_model_knows_the_names(names, tmp_path: Path):
    columns = tuple(Column(name, "number") for name in names)
    rows = np.arange(2.0 * len(names)).reshape(2, -1)
    pd.DataFrame(rows, columns=names).to_csv(tmp_path / "rows.csv", index=False)
    np.testing.assert_array_equal(read_rows(str(tmp_path / "rows.csv"), columns).numbers, rows)


def test_a_file_without_names_is_matched_by_position(tmp_path: Path):
    (tmp_path / "rows.csv").write_text("5.1,red,3.5\n4.9,blue,3.0\n4.8,red,3.1\n")
    numbers, categories, _ = read_rows(str(tmp_path / "rows.csv"), COLUMNS)[:3]
    assert numbers.tolist() == [[5.1, 3.5], [4.9, 3.0], [4.8, 3.1]]
    assert categories.tolist() == [["red"], ["blue"], ["red"]]
    with pytest.raises(InputError, match="no names.*2 columns.*model reads 3"):
        (tmp_path / "rows.csv").write_text("5.1,3.5\n4.9,3.0\n4.8,3.1\n")
        read_rows(str(tmp_path / "rows.csv"), COLUMNS)


def test_arrays_are_matched_by_width(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.arange(6).reshape(2, 3))
    numbers, categories, _ = read_rows(str(tmp_path / "a.npy"), COLUMNS)[:3]
    assert numbers.tolist() == [[0, 2], [3, 5]]
    assert categories.tolist() == [["1"], ["4"]]


def test_another_width_is_refused_with_both(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.zeros((2, 4)))
    with pytest.raises(InputError, match="trained on, 3.*width 4"):
        read_rows(str(tmp_path / "a.npy"), COLUMNS)


def test_infinite_rows_are_refused(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.full((2, 1), np.inf))
    with pytest.raises(InputError, match="infinite"):
        read_rows(str(tmp_path / "a.npy"), (Column("x0", "number"),))


def test_a_source_with_test_rows_gives_these(
    idx_folder: Path, digits: tuple[np.ndarray, np.ndarray]
):
    columns = tuple(Column(f"x{position}", "number") for position in range(64))
    numbers = read_rows(str(idx_folder), columns).numbers
    np.testing.assert_array_equal(numbers, digits[0][1500:].reshape(297, 64))
    assert len(read_rows("digits", columns).numbers) == 1797


def test_a_missing_file_of_rows_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="no file or folder"):
        read_rows(str(tmp_path / "rows.csv"), COLUMNS)


# As the table of training was read


def trained_on(path: Path, text: str, **config: Any) -> Source:
    path.write_text(text)
    return read(DataConfig(source=str(path), **config))


def rows_of(path: Path, text: str, source: Source) -> RawRows:
    path.write_text(text)
    return read_rows(str(path), source.columns, source.layout)


LINES = [f"{n % 3},{n * 0.5},{'red' if n % 2 else 'blue'},{n + 0.25}" for n in range(40)]


@pytest.mark.parametrize("label", ["1", "-1"])
def test_positions_are_those_of_the_table_of_training(label: str, tmp_path: Path):
    """The target is the first or the last column, one column is ignored, and no line has names."""
    path = tmp_path / "rows.csv"
    text = "\n".join(LINES)
    source = trained_on(path, text, label=label, ignore=("column2",))
    for without_target in (False, True):
        lines = LINES
        if without_target:
            lines = [
                ",".join(line.split(",")[1:] if label == "1" else line.split(",")[:-1])
                for line in LINES
            ]
        found = rows_of(path, "\n".join(lines), source)
        np.testing.assert_array_equal(found.numbers, source.numbers)
        np.testing.assert_array_equal(found.categories, source.categories)


@pytest.mark.parametrize("without_target", [False, True])
def test_an_array_has_the_columns_of_the_table_of_training(without_target: bool, tmp_path: Path):
    """One of them, which is the same in all rows, the model has not learned from."""
    path = tmp_path / "rows.csv"
    lines = ["a,same,y,b", *(f"{n * 0.5},7,{n % 3},{n * n / 4}" for n in range(40))]
    source = trained_on(path, "\n".join(lines), label="y")
    assert [column.name for column in source.columns] == ["a", "b"]
    array = np.genfromtxt(lines[1:], delimiter=",")
    np.save(tmp_path / "rows.npy", np.delete(array, 2, axis=1) if without_target else array)
    found = read_rows(str(tmp_path / "rows.npy"), source.columns, source.layout)
    np.testing.assert_array_equal(found.numbers, source.numbers)


def test_where_training_had_no_names_no_first_row_is_taken_for_them(tmp_path: Path):
    path = tmp_path / "rows.csv"
    source = trained_on(path, "\n".join(LINES), label="1", numeric=("column4",))
    found = rows_of(path, "green,red,x\n1.5,blue,2.5\n0.5,red,3.5\n", source)
    assert len(found.numbers) == 3
    assert "'green'" in " ".join(found.notes)


@pytest.mark.parametrize("cell", ["-999", "-999.0", "unknown", "UNKNOWN"])
def test_marks_of_what_is_missing_are_those_of_training(cell: str, tmp_path: Path):
    path = tmp_path / "rows.csv"
    lines = ["a,b,y", *(f"{n * 0.5},{'red' if n % 2 else 'blue'},{n % 3}" for n in range(40))]
    marked = ["-999,red,0", "1.5,unknown,1"]
    markers = ("-999", "unknown")
    source = trained_on(path, "\n".join(lines + marked), label="y", missing_values=markers)
    assert np.isnan(source.numbers[40, 0]) and source.categories[41, 0] == ""
    assert source.columns == (Column("a", "number"), Column("b", "category"))
    found = rows_of(path, f"b,a\n{cell},{cell}\nred,2.5\n", source)
    assert np.isnan(found.numbers[:, 0]).tolist() == [True, False]
    missing = "" if cell.lower() in markers else "-999"
    assert found.categories[:, 0].tolist() == [missing, "red"]


def test_columns_that_training_had_not_are_named_and_its_target_is_not(tmp_path: Path):
    path = tmp_path / "rows.csv"
    lines = ["id,a,y", *(f"k{n}x,{n * 0.5},{n % 3}" for n in range(40))]
    source = trained_on(path, "\n".join(lines), label="y")
    found = rows_of(path, "new,y,a,id\n1,2,0.5,k\n", source)
    assert [note for note in found.notes if "'new'" in note and "ignored" in note] == [*found.notes]


@pytest.mark.parametrize("kind", ["date", "boolean"])
def test_numbers_of_a_typed_column_are_read_as_text_is(kind: str, tmp_path: Path):
    """20230102 is a date, and 2 is neither true nor false, in Parquet as in text."""
    values = {"date": [20230102, 20240203], "boolean": [1, 2]}[kind]
    form = "%Y%m%d" if kind == "date" else ""
    columns = (Column("v", kind, form),)
    frame = pd.DataFrame({"v": values})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    frame.to_parquet(tmp_path / "rows.parquet", index=False)
    text, typed = (
        read_rows(str(tmp_path / f"rows.{suffix}"), columns).numbers
        for suffix in ("csv", "parquet")
    )
    np.testing.assert_array_equal(text, typed)
    expected = {"date": [1672617600.0, 1706918400.0], "boolean": [1.0, np.nan]}[kind]
    np.testing.assert_array_equal(typed[:, 0], expected)


def test_a_time_of_day_is_the_same_in_parquet_and_in_text(tmp_path: Path):
    times = [datetime.time(n % 24, n, n) for n in range(40)]
    frame = pd.DataFrame({"t": times, "y": [n % 3 for n in range(40)]})
    frame.to_parquet(tmp_path / "rows.parquet", index=False)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    source = read(DataConfig(source=str(tmp_path / "rows.parquet"), label="y"))
    assert source.columns == (Column("t", "date", "%H:%M:%S"),)
    found = read_rows(str(tmp_path / "rows.csv"), source.columns, source.layout)
    np.testing.assert_array_equal(found.numbers, source.numbers)
