"""Rows written block by block: what a reader of the file finds."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipeline.errors import InputError
from pipeline.export.write_tables import write_tables

FRAME = pd.DataFrame(
    {
        "label": ["a", "ü, \"b\"", ""],
        "probability of a": np.array([0.1, 1 / 3, np.nan], "float32"),
        "probability of ü": np.array([0.9, 2 / 3, np.nan], "float32"),
    }
)  # fmt: skip
SUFFIXES = (".csv", ".parquet", ".npy", ".npz")


def blocks(frame: pd.DataFrame, size: int) -> list[pa.Table]:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return [table.slice(start, size) for start in range(0, len(frame), size)]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_rows_survive_csv(size: int, tmp_path: Path):
    write_tables(blocks(FRAME, size), tmp_path / "out.csv")
    read = pd.read_csv(tmp_path / "out.csv", dtype={"label": str}).fillna({"label": ""})
    pd.testing.assert_frame_equal(read, FRAME, check_dtype=False)


def test_csv_has_quotes_where_a_cell_needs_them(tmp_path: Path):
    write_tables(blocks(pd.DataFrame({"a, b": ["x"], "c": [0.5]}), 1), tmp_path / "names.csv")
    assert (tmp_path / "names.csv").read_text() == '"a, b","c"\n"x",0.5\n'
    write_tables(blocks(pd.DataFrame({"a": ["x"], "c": [None]}), 1), tmp_path / "plain.csv")
    assert (tmp_path / "plain.csv").read_text() == "a,c\nx,\n"


@pytest.mark.parametrize("size", [1, 3])
def test_rows_survive_parquet(size: int, tmp_path: Path):
    write_tables(blocks(FRAME, size), tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), FRAME)


@pytest.mark.parametrize("size", [1, 3])
def test_an_npz_is_a_matrix_with_names_and_text_beside_it(size: int, tmp_path: Path):
    write_tables(blocks(FRAME, size), tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz", allow_pickle=False) as arrays:
        assert set(arrays.files) == {"label", "columns", "values"}
        assert arrays["label"].tolist() == FRAME["label"].tolist()
        assert arrays["columns"].tolist() == ["probability of a", "probability of ü"]
        np.testing.assert_array_equal(arrays["values"], FRAME.iloc[:, 1:], strict=False)
        assert arrays["values"].dtype == np.float32


@pytest.mark.parametrize("size", [1, 3])
def test_an_npy_is_the_matrix_alone(size: int, tmp_path: Path):
    numbers = FRAME.drop(columns="label")
    write_tables(blocks(numbers, size), tmp_path / "out.npy")
    written = np.load(tmp_path / "out.npy", allow_pickle=False)
    np.testing.assert_array_equal(written, numbers.to_numpy(), strict=True)


def test_an_npy_has_one_type_though_a_block_alone_misses_an_integer(tmp_path: Path):
    ids = pa.array([1, 2, None], pa.int16())
    table = pa.table({"id": ids, "code": pa.array([0.5, 1, 2], pa.float32())})
    write_tables([table.slice(0, 2), table.slice(2)], tmp_path / "out.npy")
    written = np.load(tmp_path / "out.npy", allow_pickle=False)
    np.testing.assert_array_equal(written, np.array([[1, 0.5], [2, 1], [np.nan, 2]], "float32"))


def test_integers_stay_integers_where_some_are_missing(tmp_path: Path):
    table = pa.table({"id": pa.array([1, None, 2**60 + 1])})
    write_tables([table.slice(0, 1), table.slice(1)], tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == f"id\n1\n\n{2**60 + 1}\n"


def test_a_list_in_a_cell_is_json_in_csv(tmp_path: Path):
    write_tables([pa.table({"tags": [["a", "b"], None]})], tmp_path / "out.csv")
    read = pd.read_csv(tmp_path / "out.csv")
    assert json.loads(read["tags"][0]) == ["a", "b"]


def test_text_in_an_npy_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"'label' is text: write a \.csv"):
        write_tables(blocks(FRAME, 3), tmp_path / "out.npy")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_ends_the_rows_leaves_what_was_there(suffix: str, tmp_path: Path):
    file = tmp_path / f"out{suffix}"
    file.write_text("before")
    numbers = FRAME.drop(columns="label")

    def rows():
        yield from blocks(numbers, 1)
        raise InputError("the source is damaged")

    with pytest.raises(InputError, match="damaged"):
        write_tables(rows(), file)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_is_told(suffix: str, tmp_path: Path, limited_files: None):
    many = pd.DataFrame({"x": np.random.default_rng(0).random(100_000)})
    with pytest.raises(InputError, match="There is no room for"):
        write_tables(blocks(many, 10_000), tmp_path / f"out{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def limited_files():
    """Files of this process may have 64 KiB; a longer one is refused as on a full disk."""
    import resource
    import signal

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, handler)
