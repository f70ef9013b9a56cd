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

FLOWERS = ("sepal_length", "sepal_width", "petal_length", "petal_width")


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
    assert [column.kind for column in first.columns] == ["number"] * 4 + ["boolean", "category"]
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


def test_a_regression_target_may_be_written_as_people_write_numbers(tmp_path: Path):
    rows = "".join(f"{n % 7};{n},{n % 10}\n" for n in range(30))
    path = written(tmp_path / "a.csv", f"a;species\n{rows}")
    target = read(config(path), kind="regression").target
    np.testing.assert_allclose(target, [n + n % 10 / 10 for n in range(30)])


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


def test_a_table_without_a_label_is_refused_with_the_likely_one_and_its_columns(iris_csv: Path):
    with pytest.raises(InputError, match=r"data\.label.*'species' looks like it.*Valid: petal_l"):
        read(DataConfig(source=str(iris_csv)))


@pytest.mark.parametrize(("number", "name"), [("1", "sepal_length"), ("-1", "species")])
def test_columns_may_be_named_by_their_number(number: str, name: str, iris_csv: Path):
    source = read(config(iris_csv, label=number))
    assert name not in [column.name for column in source.columns]
    assert len(source.columns) == 4


def test_a_name_goes_before_a_number(tmp_path: Path):
    path = written(tmp_path / "a.csv", "2,x,1\n5,7,p\n6,8,q\n6,9,p\n")
    target = read(config(path, label="1", header="true")).target
    assert target is not None and target.tolist() == ["p", "q", "p"]


def test_an_unknown_label_is_refused_with_the_nearest(iris_csv: Path):
    with pytest.raises(InputError, match=r"data\.label.*'specie'.*Did you mean 'species'"):
        read(config(iris_csv, label="specie"))


@pytest.mark.parametrize("key", ["ignore", "categorical"])
def test_an_unknown_column_is_refused_with_the_nearest(iris_csv: Path, key: str):
    with pytest.raises(InputError, match=rf"data\.{key}.*'petal_lenght'.*mean 'petal_length'"):
        read(config(iris_csv, **{key: ["petal_lenght"]}))


@pytest.mark.parametrize("key", ["ignore", "categorical"])
def test_the_label_is_no_feature_column(iris_csv: Path, key: str):
    with pytest.raises(InputError, match=rf"data\.{key}.*'species'.*data\.label"):
        read(config(iris_csv, **{key: ["species"]}))


def test_a_dropped_column_may_hold_anything(tmp_path: Path):
    path = written(tmp_path / "a.csv", "a,b,c,species\n1,x,,p\n2,3,,q\n")
    assert read(config(path, ignore=["b", "c"])).columns == (Column("a", "number"),)


def test_dropping_every_feature_is_refused(tmp_path: Path):
    path = written(tmp_path / "a.csv", "a,species\n1,p\n2,q\n")
    with pytest.raises(InputError, match="feature column must remain"):
        read(config(path, ignore=["a"]))


def test_a_few_words_among_numbers_are_missing_values_and_said(iris: pd.DataFrame, tmp_path: Path):
    iris["petal_width"] = iris["petal_width"].astype(str)
    iris.loc[[6, 8, 90], "petal_width"] = "abc"
    iris.to_csv(tmp_path / "a.csv", index=False)
    source = read(config(tmp_path / "a.csv"))
    assert np.flatnonzero(np.isnan(source.numbers[:, 3])).tolist() == [6, 8, 90]
    assert source.notes == (
        "Column 'petal_width' is a number: 3 cells are none and count as missing.",
    )


ODD = {
    "empty": "it has no value",
    "identifier": "150 of 150 values differ",
    "constant": "every value is '7'",
    "copy": "in every row it is what 'petal_width' is",
    "rownames": "it counts the rows from 1",
    "answer": "in every row it is what the target is",
    "remarks": "150 of 150 values differ, 6 words each",
}


@pytest.fixture
def odd(iris: pd.DataFrame, tmp_path: Path) -> Path:
    """Flowers with every column that is no feature."""
    table = iris.assign(
        empty=None,
        identifier=[f"flower {row}" for row in range(150)],
        constant=7,
        copy=iris.petal_width,
        rownames=range(1, 151),
        answer=iris.species,
        remarks=[f"it stood in the garden {row}" for row in range(150)],
    )
    table.to_csv(tmp_path / "odd.csv", index=False)
    return tmp_path / "odd.csv"


def test_columns_that_are_no_features_are_left_out_and_it_is_said_why(odd: Path):
    source = read(config(odd))
    assert [column.name for column in source.columns] == list(FLOWERS)
    for name, why in ODD.items():
        assert any(f"{name!r} is left out" in note and why in note for note in source.notes)
    assert len(source.notes) == len(ODD)


def test_a_strict_table_is_refused_for_all_of_it_at_once(odd: Path):
    with pytest.raises(InputError) as refusal:
        read(config(odd, strict=True))
    assert len(refusal.value.problems) == len(ODD)
    for name, problem in zip(ODD, refusal.value.problems, strict=True):
        assert repr(name) in problem and "data.ignore" in problem


@pytest.mark.parametrize("cell", ["{n}.5 %", '"{n},500"'], ids=["units", "thousands"])
def test_a_strict_table_wants_a_target_of_plain_numbers(cell: str, tmp_path: Path):
    rows = "".join(f"{n * 7 % 40}.25,{cell.format(n=n)}\n" for n in range(1, 60))
    (tmp_path / "a.csv").write_text(f"size,pay\n{rows}")
    with pytest.raises(InputError, match="the target, .*: write plain numbers in the file"):
        read(DataConfig(source=str(tmp_path / "a.csv"), label="pay", strict=True), kind="auto")


def test_a_strict_table_is_read_once_everything_is_said(tmp_path: Path):
    """What a person has named is decided, but for cells that do not fit what was said."""
    lines = [
        f"{n % 28 + 1:02}.01.2020,{n * 37 % 61}.5 %,{n % 9:02},{'ab'[n % 2]}" for n in range(60)
    ]
    (tmp_path / "a.csv").write_text("\n".join(["day,share,code,y", *lines, ""]))
    named = {"dates": ["day"], "numeric": ["share"], "categorical": ["code"], "label": "y"}
    with pytest.raises(InputError) as refused:
        read(DataConfig(source=str(tmp_path / "a.csv"), label="y", strict=True))
    cure = "data.ignore, data.numeric, data.boolean, data.dates or data.categorical"
    assert [cure in problem for problem in refused.value.problems] == [True] * 3
    kinds = [
        column.kind
        for column in read(DataConfig(source=str(tmp_path / "a.csv"), strict=True, **named)).columns
    ]
    assert kinds == ["date", "number", "category"]
    (tmp_path / "a.csv").write_text("\n".join(["day,share,code,y", *lines, "?,oops,7,a", ""]))
    with pytest.raises(InputError, match="'share' is a number: .*1 cell is none"):
        read(DataConfig(source=str(tmp_path / "a.csv"), strict=True, **named))


def test_all_names_that_a_table_has_not_come_in_one_error(iris_csv: Path):
    with pytest.raises(InputError) as refusal:
        read(config(iris_csv, label="kind", ignore=["depth", "petal_width"], categorical=["age"]))
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


@pytest.mark.parametrize("value", ["inf", "-Infinity", "1e400", "1e39"])
def test_a_number_without_end_or_beyond_float32_is_missing(
    value: str, iris_csv: Path, tmp_path: Path
):
    lines = iris_csv.read_text().splitlines()
    lines[3] = f"{value},1,1,1,setosa"
    source = read(config(written(tmp_path / "a.csv", "\n".join(lines))))
    assert np.flatnonzero(np.isnan(source.numbers[:, 0])).tolist() == [2]
    assert "1 cell is none" in source.notes[0]


@pytest.mark.parametrize(("suffix", "again"), [("csv", "a.1"), ("parquet", "a_1")])
def test_names_that_occur_again_are_numbered(suffix: str, again: str, tmp_path: Path):
    path = tmp_path / f"a.{suffix}"
    if suffix == "csv":
        written(path, "a,b,a,species\n1,2,3,p\n2,2.5,1,q\n")
        assert list(pd.read_csv(path)) == ["a", "b", "a.1", "species"]
    else:
        table = pa.table([[1, 2], [2, 2.5], [3, 1], ["p", "q"]], names=["a", "b", "a", "species"])
        pa.parquet.write_table(table, path)
    source = read(config(path))
    assert [column.name for column in source.columns] == ["a", "b", again]
    assert source.numbers[0].tolist() == [1, 2, 3]
    if suffix == "csv":
        assert "repeats 'a'" in source.notes[0]


def test_what_a_column_is_may_be_said(tmp_path: Path):
    rows = "".join(
        f"{n},{n % 2},0{n % 10},{n % 12 + 1}/{n % 9 + 1}/2020,p{n % 3}\n" for n in range(60)
    )
    path = written(tmp_path / "a.csv", f"n,bit,code,day,species\n{rows}")
    plain = read(config(path))
    assert [(column.name, column.kind) for column in plain.columns] == [
        ("bit", "boolean"), ("code", "category"), ("day", "date"),
    ]  # fmt: skip
    said = config(path, numeric=["n", "code"], categorical=["bit", "day"])
    source = read(said)
    assert [(column.name, column.kind) for column in source.columns] == [
        ("n", "number"), ("bit", "category"), ("code", "number"), ("day", "category"),
    ]  # fmt: skip
    assert source.numbers[:3].tolist() == [[0, 0], [1, 1], [2, 2]]
    days, months = (
        read(config(path, day_first=day_first)).numbers[1, 1] for day_first in (True, False)
    )
    assert days == pd.Timestamp("2020-02-02").timestamp() == months
    with pytest.raises(InputError, match="of one kind.*data.categorical and data.numeric.*'n'"):
        read(config(path, numeric=["n"], categorical=["n"]))


def test_0_126_is_no_number_of_thousands(tmp_path: Path):
    rows = "".join(f'"0,{n + 100}",{n}.5,p{n % 3}\n' for n in range(30))
    source = read(config(written(tmp_path / "a.csv", f"a,b,species\n{rows}")))
    np.testing.assert_allclose(source.numbers[:, 0], (np.arange(30) + 100) / 1000)


def test_a_file_without_a_header_loses_no_row(tmp_path: Path):
    path = written(tmp_path / "a.csv", "5.1,3.5,red,0\n4.9,3.0,red,1\n4.8,3.1,blue,0\n")
    source = read(config(path, label="-1"))
    assert [column.name for column in source.columns] == ["column1", "column2", "column3"]
    assert source.numbers.tolist() == [[5.1, 3.5], [4.9, 3.0], [4.8, 3.1]]


def test_words_alone_are_a_header_unless_they_occur_again(tmp_path: Path):
    words = "red,small,p\nblue,large,q\nred,large,p\nblue,small,q\n"
    plain = read(config(written(tmp_path / "a.csv", words), label="3"))
    named = read(config(written(tmp_path / "b.csv", f"colour,size,kind\n{words}"), label="kind"))
    assert plain.rows == named.rows == 4
    np.testing.assert_array_equal(plain.categories, named.categories)


def test_years_beside_a_name_are_a_header(tmp_path: Path):
    rows = "".join(f"{name},{n}.5,{n}\n" for n, name in enumerate("abcdefgh", 1))
    path = written(tmp_path / "a.csv", f"region,2001,2002\n{rows}")
    source = read(config(path, label="2002"), kind="regression")
    assert [column.name for column in source.columns] == ["region", "2001"]


@pytest.mark.parametrize(("header", "rows"), [("true", 2), ("false", 3)])
def test_whether_there_is_a_header_may_be_said(header: str, rows: int, tmp_path: Path):
    path = written(tmp_path / "a.csv", "1,2\n3,4\n5,7\n")
    assert read(config(path, header=header, label="-1")).rows == rows


@pytest.mark.parametrize("name", ["", "rownames", "id", "index"])
def test_a_column_that_counts_the_rows_is_no_feature(name: str, iris: pd.DataFrame, tmp_path: Path):
    iris.to_csv(tmp_path / "a.csv", index_label=name or None)
    source = read(config(tmp_path / "a.csv"))
    assert [column.name for column in source.columns] == list(FLOWERS)
    assert "counts the rows from 0" in source.notes[0]


@pytest.mark.parametrize(("name", "is_feature"), [("Kunde Nr.", False), ("year", True)])
def test_numbers_that_count_on_from_any_number_count_the_rows_but_for_times(
    name: str, is_feature: bool, iris: pd.DataFrame, tmp_path: Path
):
    iris.insert(0, name, range(1801, 1951))
    iris.to_csv(tmp_path / "a.csv", index=False)
    source = read(config(tmp_path / "a.csv"))
    assert (source.columns[0].name == name) == is_feature
    assert any("counts the rows from 1801" in note for note in source.notes) != is_feature


@pytest.mark.parametrize("line", ["1,2,p,4", "1,2", "Total,3"])
def test_a_line_with_more_or_fewer_cells_is_refused_or_skipped(line: str, tmp_path: Path):
    path = written(tmp_path / "a.csv", "a,b,species\n" + 20 * "1,2,p\n4,5,q\n" + line)
    with pytest.raises(InputError, match=f"3 columns, but line 42: '{line}.*bad_rows: skip"):
        read(config(path))
    source = read(config(path, bad_rows="skip"))
    assert source.numbers.tolist() == 20 * [[1, 2], [4, 5]]
    assert "line 42" in source.notes[0]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8-sig", "utf-16"])
def test_text_may_be_in_any_usual_encoding(encoding: str, tmp_path: Path):
    text = "grö\u00dfe,species\n1,é\n2,ü\n3,é\n"
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    source = read(config(tmp_path / "a.csv"))
    assert source.columns == (Column("grö\u00dfe", "number"),)
    assert source.target is not None and source.target.tolist() == ["é", "ü", "é"]


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


def test_the_folder_of_a_parquet_file_adds_no_column(iris: pd.DataFrame, tmp_path: Path):
    (tmp_path / "year=2020").mkdir()
    iris.to_parquet(tmp_path / "year=2020" / "a.parquet")
    assert len(read(config(tmp_path / "year=2020" / "a.parquet")).columns) == 4


def test_a_file_of_blank_lines_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="blank lines"):
        read(config(written(tmp_path / "a.csv", "\n\n")))


def test_a_column_of_lists_is_left_out(tmp_path: Path):
    table = pd.DataFrame({"a": [[1], [2]], "b": [1.5, 2], "species": ["p", "q"]})
    table.to_parquet(tmp_path / "a.parquet")
    source = read(config(tmp_path / "a.parquet"))
    assert source.columns == (Column("b", "number"),)
    assert source.notes == ("Column 'a' is left out (nested): it holds BIGINT[].",)


def test_a_dropped_parquet_column_may_hold_anything(tmp_path: Path):
    table = pd.DataFrame({"a": [[1], [2]], "b": [1, 2], "species": ["p", "q"]})
    table.to_parquet(tmp_path / "a.parquet")
    assert len(read(config(tmp_path / "a.parquet", ignore=["a"])).columns) == 1


def test_an_empty_folder_is_refused(tmp_path: Path):
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(InputError, match="a.csv"):
        read(config(tmp_path / "a.csv"))


@pytest.mark.parametrize("names", [["a", "b"], ["16.5", "16.75"], ["1940", "1945"]])
def test_a_table_whose_rows_have_names_has_a_header_whatever_is_in_it(
    names: list[str], tmp_path: Path
):
    rows = "".join(f'"{n} st",{n % 4},{n % 3}\n' for n in range(30))
    header = ",".join(f'"{name}"' for name in ("", *names))
    source = read(config(written(tmp_path / "a.csv", f"{header}\n{rows}"), label="-1"))
    assert source.rows == 30
    assert [column.name for column in source.columns] == names[:1]


@pytest.mark.parametrize(
    ("form", "first"),
    [
        ("%Y%m%d", "20200131"), ("%b-%d-%Y", "Jan-31-2020"), ("%d%b%Y", "31JAN2020"),
        ("%Y-%b", "2020-Jan"), ("%b-%Y", "Jan-2020"), ("%b %Y", "Jan 2020"), ("%b-%y", "Jan-20"),
    ],
)  # fmt: skip
def test_a_day_or_month_may_be_written_in_any_usual_way(form: str, first: str, tmp_path: Path):
    days = pd.date_range("2020-01-31", periods=40, freq="ME")
    written_days = [day.strftime(form) for day in days]
    if form == "%d%b%Y":
        written_days = [day.upper() for day in written_days]
    assert written_days[0] == first
    table = pd.DataFrame({"day": written_days, "species": ["p", "q"] * 20})
    table.to_csv(tmp_path / "a.csv", index=False)
    source = read(config(tmp_path / "a.csv"))
    assert source.columns == (Column("day", "date", form),)
    expected = days if "%d" in form else days.to_period("M").start_time
    np.testing.assert_array_equal(
        source.numbers[:, 0], (expected - pd.Timestamp(0)) / pd.Timedelta("1s")
    )


def test_months_of_numbered_years_are_dates_and_ranges_are_not(tmp_path: Path):
    months = [f"{n // 12 + 1}-{n % 12 + 1:02d}" for n in range(36)]
    ranges = ["0-2", "0-2", "3-5", "6-8", "9-11", "0-2"] * 6
    table = pd.DataFrame({"month": months, "nodes": ranges, "species": ["p", "q"] * 18})
    table.to_csv(tmp_path / "a.csv", index=False)
    source = read(config(tmp_path / "a.csv"))
    assert source.columns == (Column("month", "date", "%y-%m"), Column("nodes", "category"))


def test_whole_numbers_of_which_one_is_no_day_are_no_dates(tmp_path: Path):
    numbers = [20_200_101 + n for n in range(31)] + [20_200_199]
    table = pd.DataFrame({"n": numbers, "v": range(32, 64), "species": ["p", "q"] * 16})
    table.to_csv(tmp_path / "a.csv", index=False)
    assert "date" not in [found.kind for found in read(config(tmp_path / "a.csv")).looked_at]


@pytest.mark.parametrize(
    "content", ['{"size": [1, 2], "y": ["p", "q"]}', '{"rows": [{"size": 1}]}']
)
def test_json_that_is_no_list_of_records_is_told_how_it_should_be(content: str, tmp_path: Path):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match="a.json has lists or records inside .* Write it as"):
        read(DataConfig(source=str(tmp_path / "a.json"), label="y"))
