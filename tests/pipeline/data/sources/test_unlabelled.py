"""A big file without labels beside a small one with them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.splits import split
from pipeline.errors import InputError
from tests.pipeline.data.reading import prepare, read


@pytest.fixture
def files(iris: pd.DataFrame, tmp_path: Path) -> tuple[Path, Path]:
    """Thirty labelled flowers; the others, their columns in another order and one more."""
    labelled = iris.groupby("species").head(10)
    labelled.to_csv(tmp_path / "small.csv", index=False)
    rest = iris.drop(labelled.index).drop(columns="species").assign(place="garden")
    rest[sorted(rest.columns)].to_parquet(tmp_path / "big.parquet")
    return tmp_path / "small.csv", tmp_path / "big.parquet"


def test_its_rows_come_behind_and_have_no_label(files: tuple[Path, Path], iris: pd.DataFrame):
    small, big = map(str, files)
    source = read(DataConfig(source=small, label="species", unlabelled_rows=big))
    alone = read(DataConfig(source=small, label="species"))
    assert source.rows == 150
    np.testing.assert_array_equal(source.numbers[:30], alone.numbers)
    rest = iris.drop(iris.groupby("species").head(10).index).drop(columns="species")
    np.testing.assert_array_equal(source.numbers[30:], rest)
    assert source.labelled.tolist() == [True] * 30 + [False] * 120
    notes = [note for note in source.notes if "adds 120 rows without a label." in note]
    assert len(notes) == 1


def test_they_pretrain_only(files: tuple[Path, Path], tmp_path: Path):
    small, big = map(str, files)
    config = DataConfig(source=small, label="species", unlabelled_rows=big)
    splits = prepare(config, 0, tmp_path / "data").splits
    assert set(range(30, 150)) <= set(splits.pretrain.tolist())
    assert max(*splits.train, *splits.validation, *splits.test) < 30


def test_a_regression_has_no_number_for_them(files: tuple[Path, Path]):
    small, big = map(str, files)
    config = DataConfig(source=small, label="petal_width", unlabelled_rows=big, ignore=("species",))
    target = read(config, kind="regression").target
    assert target is not None
    assert np.isnan(target[30:]).all() and not np.isnan(target[:30]).any()


def test_columns_that_it_lacks_are_refused(files: tuple[Path, Path], tmp_path: Path):
    small, big = files
    pd.read_parquet(big).drop(columns="petal_width").to_parquet(big)
    with pytest.raises(InputError, match=r"big\.parquet has no column 'petal_width'"):
        read(DataConfig(source=str(small), label="species", unlabelled_rows=str(big)))


def test_arrays_may_have_more_rows_too(digits: tuple[np.ndarray, np.ndarray], tmp_path: Path):
    images, labels = digits
    np.savez(tmp_path / "small.npz", x=images[:100], y=labels[:100])
    np.save(tmp_path / "more.npy", images[100:300])
    config = DataConfig(
        source=str(tmp_path / "small.npz"), unlabelled_rows=str(tmp_path / "more.npy")
    )
    source = read(config)
    assert source.rows == 300
    assert source.labelled.sum() == 100
    np.testing.assert_array_equal(source.numbers, images[:300].reshape(300, 64))


def test_added_rows_are_training_rows_where_a_column_says_the_parts(tmp_path: Path):
    small, big = tmp_path / "small.csv", tmp_path / "big.csv"
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.random(90), "y": ["no", "yes"] * 45,
                          "part": ["train", "validation", "test"] * 30})  # fmt: skip
    table.to_csv(small, index=False)
    pd.DataFrame({"a": rng.random(40)}).to_csv(big, index=False)
    config = DataConfig(source=str(small), label="y", split="part", unlabelled_rows=str(big))
    parts = split(read(config), config, 0).parts
    assert [len(part) for part in parts] == [70, 30, 30, 30, 30]


@pytest.mark.parametrize("key", ["group", "time"])
def test_added_rows_of_unknown_groups_are_refused(tmp_path: Path, key: str):
    small, big = tmp_path / "small.csv", tmp_path / "big.csv"
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.random(90), "y": ["no", "yes"] * 45, "of": range(90)})
    table.to_csv(small, index=False)
    table.to_csv(big, index=False)
    config = DataConfig(source=str(small), label="y", unlabelled_rows=str(big), **{key: "of"})
    with pytest.raises(InputError, match=rf"data\.{key} must be known of all rows.*big.csv"):
        read(config)


# Two files of which the second is written in another way


def two_files(folder: Path, more: str, header: bool = True) -> DataConfig:
    lines = [f"{n % 50},{n * 37 % 101},{'xyz'[n % 3]}" for n in range(60)]
    labelled = "".join(f"{line},{'ab'[n % 2]}\n" for n, line in enumerate(lines))
    (folder / "small.csv").write_text(f"age,income,job,y\n{labelled}")
    below = "".join(f"{line}\n" for line in lines)
    (folder / "big.csv").write_text(f"{more}\n{below}" if header else below)
    return DataConfig(
        source=str(folder / "small.csv"), label="y", unlabelled_rows=str(folder / "big.csv")
    )


def test_a_column_whose_name_differs_in_case_is_refused_and_named(tmp_path: Path):
    with pytest.raises(InputError) as refused:
        read(two_files(tmp_path, "age,INCOME,job"))
    assert str(refused.value) == (
        "Rows need every column that small.csv has as a feature. big.csv has no column 'income'. "
        "Did you mean 'INCOME'? Valid: INCOME, age, job."
    )


def test_all_columns_that_are_not_there_are_named_in_one_sentence(tmp_path: Path):
    with pytest.raises(InputError) as refused:
        read(two_files(tmp_path, "age,INCOME,trade"))
    assert str(refused.value) == (
        "Rows need every column that small.csv has as a feature. big.csv has no columns 'income', "
        "'job'. Did you mean 'INCOME'? Valid: INCOME, age, trade."
    )


def test_a_file_without_a_header_is_matched_by_position_and_that_is_said(tmp_path: Path):
    source = read(two_files(tmp_path, "", header=False))
    np.testing.assert_array_equal(source.numbers[60:], source.numbers[:60])
    assert (
        "big.csv has no header: its columns are taken by their order for 'age', 'income', 'job'."
    ) in source.notes


def test_a_file_without_a_header_of_another_width_is_refused(tmp_path: Path):
    config = two_files(tmp_path, "", header=False)
    (tmp_path / "big.csv").write_text("1,2\n3,4\n5,6\n")
    with pytest.raises(InputError, match=r"and small\.csv has 4 or 3: age, income, job, y"):
        read(config)


def test_notes_on_the_second_file_speak_of_the_first_and_of_no_model(tmp_path: Path):
    config = two_files(tmp_path, "age,income,job")
    (tmp_path / "big.csv").write_text("age,income,job,zip\n1,2,x,9\nold,3,y,9\n4,5,z,9\n")
    notes = " ".join(read(config).notes)
    assert "big.csv has columns that small.csv has not, which are ignored: 'zip'." in notes
    assert "Column 'age' of big.csv is a number in small.csv. 1 of 3 cells" in notes
    assert "model" not in notes
