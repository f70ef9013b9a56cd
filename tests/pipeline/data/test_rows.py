"""Rows for inference."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.source import Column
from pipeline.data.sources.read import read, read_rows
from pipeline.errors import InputError

COLUMNS = (Column("a", "number"), Column("b", "category"), Column("c", "number"))


def test_a_table_is_matched_by_name_whatever_the_order(tmp_path: Path):
    path = tmp_path / "rows.csv"
    pd.DataFrame({"c": [1, 2], "extra": ["?", "!"], "b": [3.0, 4.0], "a": [5, None]}).to_csv(
        path, index=False
    )
    numbers, categories, _ = read_rows(str(path), COLUMNS)
    np.testing.assert_array_equal(numbers, np.float32([[5, 1], [np.nan, 2]]))
    assert categories.tolist() == [["3"], ["4"]]


def test_the_training_file_gives_the_training_rows(iris_csv: Path):
    source = read(DataConfig(source=str(iris_csv), label="species"))
    numbers, categories, notes = read_rows(str(iris_csv), source.columns)
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
    numbers, _, notes = read_rows(str(tmp_path / "rows.csv"), columns)
    np.testing.assert_array_equal(numbers, [[1, 2, 1], [1, np.nan, np.nan]])
    assert ["'c'" in notes[0] and "1 of 2 cells are none, such as 'z'" in notes[0]] == [True]
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
    assert ["'e'" in refusal.value.problems[0], "'f'" in refusal.value.problems[1]] == [True, True]


@pytest.mark.parametrize("names", [["0", "1", "2"], ["2019", "2020"]])
def test_a_header_of_numbers_is_one_where_the_model_knows_the_names(names, tmp_path: Path):
    columns = tuple(Column(name, "number") for name in names)
    rows = np.arange(2.0 * len(names)).reshape(2, -1)
    pd.DataFrame(rows, columns=names).to_csv(tmp_path / "rows.csv", index=False)
    np.testing.assert_array_equal(read_rows(str(tmp_path / "rows.csv"), columns).numbers, rows)


def test_a_file_without_names_is_matched_by_position(tmp_path: Path):
    (tmp_path / "rows.csv").write_text("5.1,red,3.5\n4.9,blue,3.0\n4.8,red,3.1\n")
    numbers, categories, _ = read_rows(str(tmp_path / "rows.csv"), COLUMNS)
    assert numbers.tolist() == [[5.1, 3.5], [4.9, 3.0], [4.8, 3.1]]
    assert categories.tolist() == [["red"], ["blue"], ["red"]]
    with pytest.raises(InputError, match="no names.*2 columns.*model reads 3"):
        (tmp_path / "rows.csv").write_text("5.1,3.5\n4.9,3.0\n4.8,3.1\n")
        read_rows(str(tmp_path / "rows.csv"), COLUMNS)


def test_arrays_are_matched_by_width(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.arange(6).reshape(2, 3))
    numbers, categories, _ = read_rows(str(tmp_path / "a.npy"), COLUMNS)
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
