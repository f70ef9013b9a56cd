"""A model applied to any number of rows: the same results, block by block, and whole files."""

import csv
import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner
from sklearn.datasets import load_digits

from flows.cli import main
from pipeline.data.sources.read import read_rows
from pipeline.errors import InputError
from pipeline.export import apply
from pipeline.export.apply import Applied, Asked, apply_model
from pipeline.export.inference import infer, model_columns
from tests.pipeline.data.sources.spreadsheet import spreadsheet

COMMAND = Path(sys.executable).with_name("layerwise")
DIGITS = np.tile(load_digits().data, (5, 1))  # 8985 rows: two whole batches and a part of one
REPEATS = 60


@pytest.fixture(autouse=True)
def one_batch_is_a_block(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(apply, "BLOCK_BATCHES", 1)


def applied(folder: Path, source: Path | str, output: Path, **asked) -> Applied:
    return apply_model(
        folder, Asked(**{"endpoint": "serve", **asked}), str(source), output, lambda *_: None
    )


@pytest.fixture(scope="module")
def many_flowers(flowers: pd.DataFrame) -> pd.DataFrame:
    """9,000 of them, each with a number of its own."""
    many = pd.concat([flowers] * REPEATS, ignore_index=True)
    return many.assign(id=np.arange(len(many)))


# The same numbers


def zstd(text: str) -> bytes:
    return pa.compress(text.encode(), codec="zstd", asbytes=True)


def sheet(text: str) -> bytes:
    return spreadsheet(csv.reader(text.splitlines()))


WRITE: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    "rows.csv": lambda table, file: table.to_csv(file, index=False),
    "rows.tsv": lambda table, file: table.to_csv(file, index=False, sep="\t"),
    "rows.csv.gz": lambda table, file: table.to_csv(file, index=False),
    "rows.csv.zst": lambda table, file: file.write_bytes(zstd(table.to_csv(index=False))),
    "rows.parquet": lambda table, file: table.to_parquet(file, index=False),
    "rows.jsonl": lambda table, file: table.to_json(file, orient="records", lines=True),
    "rows.xlsx": lambda table, file: file.write_bytes(sheet(table.to_csv(index=False))),
}


@pytest.mark.parametrize("name", WRITE)
def test_a_table_in_blocks_gives_what_it_gives_as_a_whole(
    name: str, flowers_run, many_flowers, tmp_path: Path
):
    WRITE[name](many_flowers, tmp_path / name)
    found = applied(flowers_run.model, tmp_path / name, tmp_path / "out.parquet", keep=("id",))
    rows = read_rows(str(tmp_path / name), model_columns(flowers_run.model))
    whole = infer(flowers_run.model, "serve", rows.numbers, rows.categories)
    written = pd.read_parquet(tmp_path / "out.parquet")
    assert found.rows == 9000
    assert written.pop("id").astype(int).tolist() == many_flowers["id"].tolist()
    pd.testing.assert_frame_equal(written, whole, check_exact=True)


def test_parts_of_a_table_are_one_after_the_other(flowers_run, many_flowers, tmp_path: Path):
    (tmp_path / "parts").mkdir()
    for part in range(3):
        file = tmp_path / "parts" / f"{part}.csv"
        many_flowers[part * 3000 : (part + 1) * 3000].to_csv(file, index=False)
    for source in (tmp_path / "parts", tmp_path / "parts" / "*.csv"):
        applied(flowers_run.model, source, tmp_path / "out.csv", keep=("id",))
        assert pd.read_csv(tmp_path / "out.csv")["id"].tolist() == list(range(9000))


def saved_folder(file: Path) -> None:
    file.mkdir()
    np.save(file / "x.npy", DIGITS)


def saved_with_test_rows(file: Path) -> None:
    ones, classes = np.ones((5, 64)), np.zeros(5)
    np.savez_compressed(file, x=ones, y=classes, x_test=DIGITS, y_test=np.zeros(len(DIGITS)))


ARRAYS: dict[str, Callable[[Path], object]] = {
    "rows.npy": lambda file: np.save(file, DIGITS),
    "by_column.npy": lambda file: np.save(file, np.asfortranarray(DIGITS)),
    "images.npy": lambda file: np.save(file, DIGITS.reshape(-1, 8, 8).astype("uint8")),
    "rows.npz": lambda file: np.savez(file, x=DIGITS),
    "test_rows.npz": saved_with_test_rows,
    "folder": saved_folder,
}


@pytest.mark.parametrize(
    ("name", "suffix"),
    # What is written does not depend on what is read.
    [
        *((name, ".npy") for name in ARRAYS),
        *(("rows.npy", s) for s in (".csv", ".parquet", ".npz")),
    ],
)
def test_arrays_in_blocks_give_what_they_give_as_a_whole(
    name: str, suffix: str, digits_run, tmp_path: Path
):
    ARRAYS[name](tmp_path / name)
    out = tmp_path / f"out{suffix}"
    assert applied(digits_run.model, tmp_path / name, out, endpoint="encode").rows == len(DIGITS)
    whole = infer(digits_run.model, "encode", DIGITS, np.empty((len(DIGITS), 0), "<U1"))
    match suffix:
        case ".csv":
            written = pd.read_csv(out).to_numpy("float32")
        case ".parquet":
            written = pd.read_parquet(out).to_numpy()
        case ".npy":
            written = np.load(out)
        case _:
            written = np.load(out)["values"]
    np.testing.assert_array_equal(written, whole.to_numpy(), strict=True)


def test_rows_are_counted_as_they_are_done(digits_run, tmp_path: Path):
    np.save(tmp_path / "rows.npy", DIGITS)
    told: list[tuple[int, int]] = []
    asked = Asked("score")
    apply_model(
        digits_run.model, asked, str(tmp_path / "rows.npy"), tmp_path / "out.npy",
        lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert told == [(done, 8985) for done in (0, 4096, 8192, 8985)]


# What is told, and what is refused, is of all rows


def test_what_the_model_does_not_know_is_counted_over_all_blocks(
    flowers_run, many_flowers, tmp_path: Path
):
    many_flowers = many_flowers.astype({"petal_length": object})
    many_flowers.loc[[1, 8000, 8500], "garden"] = ["moon", "mars", "moon"]
    many_flowers.loc[[3, 8999], "petal_length"] = ["long", "huge"]
    many_flowers.assign(extra=1).to_csv(tmp_path / "rows.csv", index=False)
    notes = applied(flowers_run.model, tmp_path / "rows.csv", tmp_path / "out.csv").notes
    assert "which are ignored: 'id', 'extra'." in notes[0]
    assert "2 of 9,000 cells are none, such as 'huge': they count as missing." in notes[1]
    given = int((many_flowers["garden"] != "").sum())
    assert f"3 of {given} values that the model does not know: 'mars', 'moon'." in notes[2]


def test_a_missing_value_is_refused_by_its_row_before_any_is_asked(digits_run, tmp_path: Path):
    rows = DIGITS.copy()
    rows[[5000, 8984], 7] = np.nan
    np.save(tmp_path / "rows.npy", rows)
    with pytest.raises(InputError, match="column 'x7', 2 of 8985 cells, first in row 5001"):
        applied(digits_run.model, tmp_path / "rows.npy", tmp_path / "out.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.npy"]


def test_an_infinite_value_is_refused_by_its_row_and_nothing_is_written(digits_run, tmp_path: Path):
    rows = DIGITS.copy()
    rows[5000, 7] = np.inf
    np.save(tmp_path / "rows.npy", rows)
    with pytest.raises(InputError, match="column 'x7', 1 of 4096 cells, first in row 5001"):
        applied(digits_run.model, tmp_path / "rows.npy", tmp_path / "out.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.npy"]


def test_a_column_that_is_missing_is_refused_by_name(flowers_run, flowers, tmp_path: Path):
    flowers.drop(columns="garden").to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(InputError, match="has no column 'garden'"):
        applied(flowers_run.model, tmp_path / "rows.csv", tmp_path / "out.csv")


# Files that cannot be read or written


def refused(model: Path, source: Path, output: Path) -> str:
    run = CliRunner().invoke(main, ["predict", str(model), str(source), "-o", str(output)])
    assert run.exit_code == 2, run.output
    return run.stderr


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "has 0 bytes"), (b"sepal_length,garden\n", "a header and no row below it")],
    ids=["empty", "no rows"],
)
def test_a_file_without_rows_is_refused(content: bytes, told: str, flowers_run, tmp_path: Path):
    (tmp_path / "rows.csv").write_bytes(content)
    assert told in refused(flowers_run.model, tmp_path / "rows.csv", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_the_output_must_not_be_a_file_that_is_read(digits_run, tmp_path: Path):
    folder = tmp_path / "rows"
    saved_folder(folder)
    linked = tmp_path / "linked.npy"
    linked.symlink_to(folder / "x.npy")
    before = (folder / "x.npy").read_bytes()
    for source, output in ((folder / "x.npy", folder / "x.npy"), (folder / "x.npy", linked),
                           (folder, folder / "x.npy")):  # fmt: skip
        assert "-o must not be DATA" in refused(digits_run.model, source, output)
    assert (folder / "x.npy").read_bytes() == before


@pytest.mark.parametrize("output", ["/dev/stdout", "/dev/full"])
def test_a_device_is_no_output(output: str, digits_run, tmp_path: Path):
    assert "-o must end in .csv" in refused(digits_run.model, Path("digits"), Path(output))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told_before_the_work(digits_run, tmp_path: Path):
    tmp_path.chmod(0o500)
    said = refused(digits_run.model, Path("digits"), tmp_path / "out.csv")
    assert "cannot be written. Give -o in a folder of yours." in said


# Other processes


def going_on(model: Path, source: Path, output: Path) -> subprocess.Popen[bytes]:
    """`layerwise score` in a process of its own."""
    return subprocess.Popen(
        [COMMAND, "score", model, source, "-o", output],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npy"])
def test_a_killed_command_leaves_nothing_under_the_name(
    sent: signal.Signals, suffix: str, digits_run, tmp_path: Path
):
    np.save(tmp_path / "rows.npy", np.tile(DIGITS.astype("uint8"), (300, 1)))
    (tmp_path / "out").mkdir()
    process = going_on(digits_run.model, tmp_path / "rows.npy", tmp_path / "out" / f"out{suffix}")
    end = time.monotonic() + 120
    while not any((tmp_path / "out").rglob(f"*{suffix}")) and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(sent)
    assert process.wait(60) == (-sent if sent == signal.SIGKILL else 128 + sent)
    left = [path.name for path in (tmp_path / "out").iterdir()]
    assert all(name.startswith(".") for name in left) if sent == signal.SIGKILL else not left


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["npy", "parquet", "csv.gz"])
def test_memory_does_not_grow_with_the_rows(kind: str, digits_run, tmp_path: Path):
    """Ten times the rows, which alone are 460 MB as float64: less than 100 MB more at the peak."""
    peaks = []
    for repeats in (11, 110):
        rows = np.tile(load_digits().data.astype("uint8"), (repeats * 5, 1))[: repeats * 8192]
        file = tmp_path / f"rows.{kind}"
        columns = [f"x{number}" for number in range(64)]
        if kind == "npy":
            np.save(file, rows)
        elif kind == "parquet":
            pd.DataFrame(rows, columns=columns).to_parquet(file, row_group_size=50_000)
        else:
            with gzip.open(file, "wt", compresslevel=1) as out:
                out.write(",".join(columns) + "\n")
                out.writelines(",".join(map(str, row)) + "\n" for row in rows.tolist())
        process = going_on(digits_run.model, file, tmp_path / "out.npy")
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0
        assert len(np.load(tmp_path / "out.npy", mmap_mode="r")) == len(rows)
        peaks.append(usage.ru_maxrss * 1024)
    assert peaks[1] - peaks[0] < 100e6
