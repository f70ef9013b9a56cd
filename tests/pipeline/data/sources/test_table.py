"""Tables: .csv and .parquet."""

import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from sklearn.datasets import load_iris

from pipeline.config.data import DataConfig
from pipeline.data.category import category_name
from pipeline.data.source import Column
from pipeline.errors import InputError
from tests.pipeline.data.reading import read


def config(path: Path, **keys: object) -> DataConfig:
    return DataConfig.model_validate({"source": str(path), "label": "species", **keys})


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_file_gives_its_columns_numbers_and_classes(iris_csv: Path):
    source = read(config(iris_csv))
    assert source.name == "iris"
    assert source.origin == "iris.csv"
    assert source.table
    assert source.columns[0] == Column("sepal_length", "number")
    assert source.numbers.dtype == np.float64
    np.testing.assert_array_equal(source.numbers, load_iris().data)
    assert source.categories.shape == (150, 0)
    assert source.target is not None
    assert list(source.target[::50]) == ["setosa", "versicolor", "virginica"]
    assert source.test is None
    assert source.image_shape is None


def test_parquet_and_csv_give_the_same_source(iris: pd.DataFrame, iris_csv: Path, tmp_path: Path):
    table = iris.assign(big=iris.sepal_length > 5, garden=pd.Categorical(["a", "b"] * 75))
    table.to_csv(tmp_path / "a.csv", index=False)
    table.to_parquet(tmp_path / "b.parquet")
    first, second = read(config(tmp_path / "a.csv")), read(config(tmp_path / "b.parquet"))
    assert first.columns == second.columns
    assert [column.kind for column in first.columns] == ["number"] * 4 + ["category"] * 2
    np.testing.assert_array_equal(first.numbers, second.numbers)
    np.testing.assert_array_equal(first.categories, second.categories)
    assert first.target is not None and second.target is not None
    np.testing.assert_array_equal(first.target, second.target)


def test_an_unnamed_pandas_index_in_parquet_is_no_feature(iris: pd.DataFrame, tmp_path: Path):
    iris.sample(frac=1, random_state=0).to_parquet(tmp_path / "shuffled.parquet")
    assert len(read(config(tmp_path / "shuffled.parquet")).columns) == 4


def test_empty_cells_and_nan_are_missing(tmp_path: Path):
    path = written(tmp_path / "a.csv", "a,b,species\n1,red,x\n,NaN,y\nnan, ,\n4,blue,x\n")
    source = read(config(path))
    np.testing.assert_array_equal(source.numbers[:, 0], np.float32([1, np.nan, np.nan, 4]))
    assert source.categories[:, 0].tolist() == ["red", "", "", "blue"]
    assert source.target is not None
    assert source.target.tolist() == ["x", "y", "", "x"]


def test_labels_that_are_floats_for_missing_cells_lose_their_point(tmp_path: Path):
    labels = pd.DataFrame({"a": [1, 2, 3, 4], "species": [1.0, 2.0, np.nan, 1.0]})
    labels.to_csv(tmp_path / "a.csv", index=False)
    labels.to_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        target = read(config(tmp_path / name)).target
        assert target is not None
        assert target.tolist() == ["1", "2", "", "1"]


IDENTIFIERS = [10**16 + 1, 10**16 + 2, 10**16, 10**16 + 1]


@pytest.mark.parametrize("missing", [False, True])
def test_64_bit_identifiers_keep_all_their_digits(missing: bool, tmp_path: Path):
    values = pd.array([*IDENTIFIERS, None] if missing else IDENTIFIERS, dtype="Int64")
    decimals = pd.Series(pd.arrays.ArrowExtensionArray(
        pa.array([None if v is pd.NA else Decimal(int(v)) for v in values], pa.decimal128(20))
    ))  # fmt: skip
    table = pd.DataFrame({"a": values, "b": decimals, "species": values})
    table.to_parquet(tmp_path / "a.parquet")
    source = read(config(tmp_path / "a.parquet", categorical=["a", "b"], missing="impute"))
    names = [str(value) for value in IDENTIFIERS] + [""] * missing
    assert source.target is not None
    assert source.target.tolist() == names
    assert source.categories.tolist() == [[name, name] for name in names]


def test_a_whole_float_is_named_by_its_digits():
    assert category_name(1e16) == category_name(np.float64(10**16)) == "10000000000000000"
    assert category_name(np.float32(3)) == category_name("3.0") == category_name(3) == "3"
    assert (category_name(1e300), category_name(-0.5)) == ("1e+300", "-0.5")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_milliseconds_since_1970_keep_all_their_values(kind: str, tmp_path: Path):
    times = 1_764_000_000_000 + 200 * np.arange(300)
    table = pd.DataFrame({"time": times, "species": np.arange(300) % 3})
    path = tmp_path / f"a.{kind}"
    table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path)
    np.testing.assert_array_equal(read(config(path)).numbers[:, 0], times)


@pytest.mark.parametrize("word", ["nan", "NaN", "NAN", "Nan", "nAn"])
def test_nan_in_any_case_is_missing_everywhere(word: str, tmp_path: Path):
    text = f"a,b,species\n1,x,p\n{word},{word},{word}\n3,y,q\n"
    source = read(config(written(tmp_path / "a.csv", text)))
    np.testing.assert_array_equal(source.numbers[:, 0], [1, np.nan, 3])
    assert source.categories[:, 0].tolist() == ["x", "", "y"]
    assert source.target is not None
    assert source.target.tolist() == ["p", "", "q"]


def test_the_value_that_means_unlabelled_is_no_class(tmp_path: Path):
    path = written(tmp_path / "a.csv", "a,species\n1,x\n2,unknown\n3,y\n")
    target = read(config(path, unlabelled="unknown")).target
    assert target is not None
    assert target.tolist() == ["x", "", "y"]


def test_a_class_that_differs_in_case_from_the_value_that_means_unlabelled_stays(tmp_path: Path):
    path = written(tmp_path / "a.csv", "a,species\n1,a\n2,A\n3,b\n")
    target = read(config(path, unlabelled="A")).target
    assert target is not None
    assert target.tolist() == ["a", "", "b"]


def test_numbers_can_be_categories(cancer_csv: Path, tmp_path: Path):
    path = written(tmp_path / "a.csv", "month,a,species\n1,1,x\n2.0,2,y\n10,3,x\n")
    source = read(config(path, categorical=["month"]))
    assert source.columns == (Column("month", "category"), Column("a", "number"))
    assert source.categories[:, 0].tolist() == ["1", "2", "10"]


def test_a_regression_target_is_read_as_numbers(cancer_csv: Path):
    source = read(config(cancer_csv, label="mean radius"), kind="regression")
    assert source.target is not None
    assert source.target.dtype == np.float64
    assert source.target[0] == 17.99
    assert len(source.columns) == 30


def test_a_regression_target_that_is_text_is_refused(iris_csv: Path):
    with pytest.raises(InputError, match="must be numeric.*'species'.*'setosa' in row 1"):
        read(config(iris_csv), kind="regression")


def test_unlabelled_rows_of_a_regression_are_nan(tmp_path: Path):
    path = written(tmp_path / "a.csv", "a,species\n1,0.5\n2,?\n3,\n4,2\n")
    target = read(config(path, unlabelled="?"), kind="regression").target
    np.testing.assert_array_equal(target, [0.5, np.nan, np.nan, 2])


def test_an_infinite_regression_target_is_refused(tmp_path: Path):
    path = written(tmp_path / "a.csv", "a,species\n1,0.5\n2,inf\n")
    with pytest.raises(InputError, match="regression target must be finite.*row 2"):
        read(config(path), kind="regression")


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes("\ufeffspecies,a\nx,1\ny,2\n".encode())
    assert len(read(config(tmp_path / "a.csv")).columns) == 1


def test_spaces_around_names_and_cells_do_not_count(tmp_path: Path):
    source = read(config(written(tmp_path / "a.csv", "a, b, species\n1, red , x\n2, blue, y\n")))
    assert source.columns == (Column("a", "number"), Column("b", "category"))
    assert source.categories.tolist() == [["red"], ["blue"]]


@pytest.mark.parametrize("cell", ["+1", "1.", ".5", "-1.e5", "1E-3", "+.5e+3"])
def test_a_number_may_be_written_in_any_usual_way(cell: str, tmp_path: Path):
    path = written(tmp_path / "a.csv", f"a,species\n{cell},p\n2,q\n")
    assert read(config(path)).numbers[0, 0] == float(cell)


def test_a_table_without_a_label_is_refused_with_its_columns(iris_csv: Path):
    with pytest.raises(InputError, match=r"data\.label.*Valid: petal_length.*species"):
        read(DataConfig(source=str(iris_csv)))


def test_an_unknown_label_is_refused_with_the_nearest(iris_csv: Path):
    with pytest.raises(InputError, match=r"data\.label.*'specie'.*Did you mean 'species'"):
        read(config(iris_csv, label="specie"))


@pytest.mark.parametrize("key", ["drop", "categorical"])
def test_an_unknown_column_is_refused_with_the_nearest(iris_csv: Path, key: str):
    with pytest.raises(InputError, match=rf"data\.{key}.*'petal_lenght'.*mean 'petal_length'"):
        read(config(iris_csv, **{key: ["petal_lenght"]}))


@pytest.mark.parametrize("key", ["drop", "categorical"])
def test_the_label_is_no_feature_column(iris_csv: Path, key: str):
    with pytest.raises(InputError, match=rf"data\.{key}.*'species'.*data\.label"):
        read(config(iris_csv, **{key: ["species"]}))


def test_a_dropped_column_may_hold_anything(tmp_path: Path):
    path = written(tmp_path / "a.csv", "a,b,c,species\n1,x,,p\n2,3,,q\n")
    assert read(config(path, drop=["b", "c"])).columns == (Column("a", "number"),)


def test_dropping_every_feature_is_refused(tmp_path: Path):
    path = written(tmp_path / "a.csv", "a,species\n1,p\n2,q\n")
    with pytest.raises(InputError, match="feature column must remain"):
        read(config(path, drop=["a"]))


def test_a_column_of_numbers_and_text_is_refused_with_the_first_text(
    iris: pd.DataFrame, tmp_path: Path
):
    iris["petal_width"] = iris["petal_width"].astype(str)
    iris.loc[[6, 8, 90], "petal_width"] = "abc"
    iris.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(InputError) as refusal:
        read(config(tmp_path / "a.csv"))
    message = str(refusal.value)
    assert "column 'petal_width' has text in 3 of 150 cells, first at row 7: 'abc'" in message
    assert "data.drop" in message
    assert "data.categorical" in message


def test_everything_that_is_wrong_with_a_table_comes_in_one_error(
    iris: pd.DataFrame, tmp_path: Path
):
    """Columns that cannot be read, and what is wrong with those that can."""
    table = iris.assign(
        empty=None,
        identifier=[f"flower {row}" for row in range(150)],
        mixed=["1", "x", "2"] * 50,
        also_mixed=["1", "2", "?"] * 50,
        endless=[np.inf, *range(149)],
        constant=7,
        gaps=[None, *range(149)],
        garden=["a", None, "b"] * 50,
    )
    table.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(InputError) as refusal:
        read(config(tmp_path / "a.csv"))
    problems = refusal.value.problems
    assert len(problems) == 6
    for problem, columns in zip(
        problems,
        (
            ["empty"],
            ["identifier"],
            ["mixed", "also_mixed"],
            ["endless"],
            ["gaps", "garden"],
            ["constant"],
        ),
        strict=True,
    ):
        assert re.findall(r"column '(\w+)'", problem) == columns
    table.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError) as again:
        read(config(tmp_path / "a.parquet"))
    assert again.value.problems == tuple(p.replace("a.csv", "a.parquet") for p in problems)


def test_all_names_that_a_table_has_not_come_in_one_error(iris_csv: Path):
    with pytest.raises(InputError) as refusal:
        read(config(iris_csv, label="kind", drop=["depth", "petal_width"], categorical=["age"]))
    assert [re.findall(r"no column '(\w+)'", p) for p in refusal.value.problems] == [
        ["kind"], ["depth"], ["age"]
    ]  # fmt: skip


def test_columns_that_pandas_numbered_are_named_by_their_numbers(
    iris: pd.DataFrame, tmp_path: Path
):
    numbered = iris.assign(species=np.arange(150) % 3).set_axis(range(5), axis=1)
    numbered.to_csv(tmp_path / "a.csv", index=False)
    source = read(config(tmp_path / "a.csv", label="4"))
    assert [column.name for column in source.columns] == ["0", "1", "2", "3"]
    assert len(source.numbers) == 150


def test_a_mixed_column_may_be_declared_categorical(tmp_path: Path):
    path = written(tmp_path / "a.csv", "a,species\n1,p\nabc,q\n")
    assert read(config(path, categorical=["a"])).categories.tolist() == [["1"], ["abc"]]


@pytest.mark.parametrize("value", ["inf", "-Infinity", "1e400"])
def test_infinite_values_are_refused_with_column_and_row(
    value: str, iris_csv: Path, tmp_path: Path
):
    lines = iris_csv.read_text().splitlines()
    lines[3] = f"{value},1,1,1,setosa"
    path = written(tmp_path / "a.csv", "\n".join(lines))
    expected = "infinite.*'sepal_length', 1 of 150 cells, first in row 3"
    with pytest.raises(InputError, match=expected):
        read(config(path, missing="impute"))


def test_numbers_beyond_float32_are_refused(tmp_path: Path):
    path = written(tmp_path / "a.csv", "a,species\n1,p\n1e39,q\n")
    with pytest.raises(InputError, match="float32.*'a', 1 of 2 cells, first in row 2"):
        read(config(path))


def test_an_empty_column_is_refused(tmp_path: Path):
    path = written(tmp_path / "a.csv", "a,b,species\n1,,p\n2,,q\n")
    with pytest.raises(InputError, match=r"'b'.*is empty.*data\.drop"):
        read(config(path))


def test_an_identifier_is_refused(iris: pd.DataFrame, tmp_path: Path):
    iris.assign(sample=[f"flower {row}" for row in range(150)]).to_csv(
        tmp_path / "a.csv", index=False
    )
    with pytest.raises(InputError, match=r"identifier.*'sample'.*150 distinct.*data\.drop"):
        read(config(tmp_path / "a.csv"))


def test_duplicate_column_names_are_refused(tmp_path: Path):
    path = written(tmp_path / "a.csv", "a,b,a,species\n1,2,3,p\n")
    with pytest.raises(InputError, match="unique.*'a'"):
        read(config(path))


def test_a_csv_file_without_header_is_refused(tmp_path: Path):
    path = written(tmp_path / "a.csv", "5.1,3.5,1.4,0\n4.9,3.0,1.4,0\n")
    with pytest.raises(InputError, match="no header"):
        read(config(path))


def test_a_column_without_a_name_is_refused_as_a_likely_index(iris: pd.DataFrame, tmp_path: Path):
    iris.to_csv(tmp_path / "a.csv")
    with pytest.raises(InputError, match="column 1 has none.*index=False"):
        read(config(tmp_path / "a.csv"))


def test_a_csv_file_with_semicolons_is_refused(iris: pd.DataFrame, tmp_path: Path):
    iris.to_csv(tmp_path / "a.csv", index=False, sep=";")
    with pytest.raises(InputError, match="separated by commas"):
        read(config(tmp_path / "a.csv"))


@pytest.mark.parametrize("line", ["1,2,p,4", "1,2"])
def test_a_line_with_more_or_fewer_cells_is_refused(line: str, tmp_path: Path):
    path = written(tmp_path / "a.csv", f"a,b,species\n1,2,p\n{line}\n")
    with pytest.raises(InputError, match="as many cells as the header"):
        read(config(path))


@pytest.mark.parametrize("text", ["é,species\n1,p\n", "a,species\n1,é\n"])
def test_a_csv_file_that_is_not_utf8_is_refused(text: str, tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        read(config(tmp_path / "a.csv"))


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_an_empty_table_file_is_refused(name: str, tmp_path: Path):
    (tmp_path / name).touch()
    with pytest.raises(InputError, match="must not be empty"):
        read(config(tmp_path / name))


def test_a_header_without_rows_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="There must be rows"):
        read(config(written(tmp_path / "a.csv", "a,species\n")))


def test_a_truncated_parquet_file_is_refused_with_its_name(iris: pd.DataFrame, tmp_path: Path):
    iris.to_parquet(tmp_path / "a.parquet")
    content = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"a\.parquet cannot be read"):
        read(config(tmp_path / "a.parquet"))


def test_duplicate_names_in_parquet_are_refused(tmp_path: Path):
    table = pa.table([[1, 2], [3, 4], ["p", "q"]], names=["a", "a", "species"])
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(InputError, match="unique.*'a'"):
        read(config(tmp_path / "a.parquet"))


def test_the_folder_of_a_parquet_file_adds_no_column(iris: pd.DataFrame, tmp_path: Path):
    (tmp_path / "year=2020").mkdir()
    iris.to_parquet(tmp_path / "year=2020" / "a.parquet")
    assert len(read(config(tmp_path / "year=2020" / "a.parquet")).columns) == 4


def test_a_file_of_blank_lines_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="blank lines"):
        read(config(written(tmp_path / "a.csv", "\n\n")))


def test_a_parquet_column_of_lists_is_refused(tmp_path: Path):
    pd.DataFrame({"a": [[1], [2]], "species": ["p", "q"]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"'a'.*holds list.*data\.drop"):
        read(config(tmp_path / "a.parquet"))


def test_a_dropped_parquet_column_may_hold_anything(tmp_path: Path):
    table = pd.DataFrame({"a": [[1], [2]], "b": [1, 2], "species": ["p", "q"]})
    table.to_parquet(tmp_path / "a.parquet")
    assert len(read(config(tmp_path / "a.parquet", drop=["a"])).columns) == 1


def test_a_folder_in_place_of_a_csv_file_is_refused(tmp_path: Path):
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(InputError, match=r"a\.csv cannot be read"):
        read(config(tmp_path / "a.csv"))
