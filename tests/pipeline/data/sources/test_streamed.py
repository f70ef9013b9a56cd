"""Rows that stay on disk are the same rows as those in memory."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.features.fitting import fit
from pipeline.data.rows import streamed
from pipeline.data.rows.streamed import (
    BLOCKS,
    StreamedRows,
    blocks_of,
    exceeds,
    moments,
    write_rows,
)
from pipeline.data.sources.matrix import Arrays, source_of
from pipeline.errors import InputError
from tests.pipeline.data.reading import describe, fingerprint_of, prepare, read

SMALL = 100 * 1024
"""Bytes: the digits, as float32 and with their copies, need 13 times as much."""
GIB = 2**30
EMPTY = ("x0", "x32", "x39")
"""Pixels."""


@pytest.fixture
def folder(digits: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> Path:
    images, labels = digits
    np.save(tmp_path / "x.npy", images)
    np.save(tmp_path / "y.npy", labels)
    return tmp_path


def with_values(folder: Path, **cells: float) -> Path:
    """The folder, its rows of floats 1 wide and high, some cells of column x3 set: `row_7=nan`."""
    rows = np.load(folder / "x.npy").reshape(-1, 64).astype(float)
    for row, value in cells.items():
        rows[int(row.removeprefix("row_")) - 1, 3] = value
    np.save(folder / "x.npy", rows)
    return folder


def config(folder: Path, memory: float = SMALL, **settings) -> DataConfig:
    return DataConfig(source=str(folder), memory=memory / GIB, **settings)


def test_slices_and_positions_read_these_rows_and_no_others(digits, folder: Path):
    images = digits[0].reshape(-1, 64)
    rows = StreamedRows(folder / "x.npy", SMALL)
    assert rows.shape == (1797, 64)
    assert len(rows) == 1797
    np.testing.assert_array_equal(rows[5:9], images[5:9])
    np.testing.assert_array_equal(rows[1790:], images[1790:])
    np.testing.assert_array_equal(rows[np.array([2, 3, 800])], images[[2, 3, 800]])
    chosen = rows.at(np.arange(0, 1797, 3)).at(np.arange(10, 20))
    np.testing.assert_array_equal(chosen[2:4], images[[36, 39]])
    doubled = chosen.changed(lambda block: 2.0 * block[:, :5], 5)
    assert doubled.shape == (10, 5)
    np.testing.assert_array_equal(doubled[:1], 2.0 * images[[30], :5])


def test_a_block_is_a_part_of_the_memory_that_rows_may_take(folder: Path):
    rows = StreamedRows(folder / "x.npy", SMALL)
    blocks = list(blocks_of(rows))
    assert {start for start, _ in blocks} == set(range(0, 1797, 50))
    assert max(4 * block.size for _, block in blocks) <= SMALL / BLOCKS
    assert sum(len(block) for _, block in blocks) == 1797


def test_what_was_written_block_by_block_is_what_numpy_would_have_written(tmp_path: Path):
    rows = np.random.default_rng(0).normal(size=(100_000, 3)).astype("float32")
    write_rows(tmp_path / "rows.npy", np.array_split(rows, 7))
    np.save(tmp_path / "whole.npy", rows)
    assert (tmp_path / "rows.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_moments_are_those_of_all_rows(digits, folder: Path):
    mean, variance = moments(StreamedRows(folder / "x.npy", SMALL))
    images = digits[0].reshape(-1, 64)
    np.testing.assert_allclose(mean, images.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(variance, images.var(axis=0), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("scaling", ["global", "standard", "minmax", "quantile", "none"])
def test_scaled_rows_splits_and_fingerprint_do_not_depend_on_where_rows_are(
    scaling, digits, folder
):
    noise = np.random.default_rng(0).normal(size=(1797, 64))
    np.save(folder / "x.npy", digits[0].reshape(1797, 64) + noise)
    in_memory = prepare(config(folder, GIB, scaling=scaling), 0, folder / "memory")
    on_disk = prepare(config(folder, scaling=scaling), 0, folder / "disk")

    assert isinstance(in_memory.rows, np.ndarray)
    assert isinstance(on_disk.rows, StreamedRows)
    np.testing.assert_array_equal(on_disk.rows[:], in_memory.rows)
    for one, other in zip(on_disk.splits, in_memory.splits, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(on_disk.targets, in_memory.targets)
    np.testing.assert_array_equal(on_disk.numbers, in_memory.numbers)
    assert on_disk.fingerprint == in_memory.fingerprint


def test_rows_are_neither_copied_nor_widened_on_disk(folder: Path):
    prepared = prepare(config(folder), 0, folder / "disk")
    assert prepared.image_shape == (8, 8)
    assert {file.name for file in (folder / "disk").iterdir() if not file.is_symlink()} == {
        "metadata.json",
        "parts.npz",  # targets, splits and 256 example rows
    }
    assert (folder / "disk" / "numbers.npy").resolve() == folder / "x.npy"


def test_missing_values_become_the_median_of_all_training_rows(folder: Path):
    with_values(folder, row_7=np.nan, row_1700=np.nan)
    in_memory, on_disk = (
        prepare(config(folder, memory, missing="impute"), 0, folder / str(memory))
        for memory in (GIB, SMALL)
    )
    np.testing.assert_array_equal(on_disk.rows[:], in_memory.rows)
    np.testing.assert_array_equal(on_disk.preprocessing.fill, in_memory.preprocessing.fill)


@pytest.mark.parametrize(
    ("value", "message"),
    [(np.nan, "must not be missing"), (np.inf, "must be finite"), (1e300, "must be within")],
)
def test_a_bad_cell_is_found_by_its_row_in_the_file(value: float, message: str, folder: Path):
    settings = config(with_values(folder, row_1700=value), missing="refuse")
    source = read(settings)
    with pytest.raises(InputError, match=rf"{message}.*'x3', .* first in row 1700"):
        fit(source, np.arange(1000), settings)


def test_dropped_columns_are_left_out_and_categories_refused(folder: Path):
    with_values(folder)
    rows = np.load(folder / "x.npy")
    source = read(config(folder, ignore=("x0", "x5")))
    assert source.number_names[:5] == ("x1", "x2", "x3", "x4", "x6")
    np.testing.assert_array_equal(
        source.numbers[:10], np.delete(rows, [0, 5], axis=1)[:10].astype("float32")
    )
    with pytest.raises(InputError, match=r"numbers alone.*x3.*data\.ignore"):
        read(config(folder, categorical=("x3",)))


def test_the_account_of_rows_on_disk_is_that_of_rows_in_memory(folder: Path):
    with_values(folder, row_1700=np.nan)
    settings = [config(folder, memory, missing="refuse") for memory in (SMALL, GIB)]
    accounts = [describe(read(one), one) for one in settings]
    assert accounts[0].pop("problems") != []
    assert accounts[1].pop("problems") != []
    assert accounts[0] == accounts[1]
    assert accounts[0]["missing"] == 1


def test_a_folder_of_arrays_that_fits_is_read_like_an_archive(digits, folder: Path):
    np.savez(folder / "both.npz", x=digits[0], y=digits[1])
    assert not exceeds(1797, 64, GIB)
    one, other = read(config(folder, GIB)), read(config(folder / "both.npz", GIB))
    assert fingerprint_of(one) == fingerprint_of(other)


def test_a_damaged_or_pickled_array_is_refused(folder: Path):
    whole = (folder / "x.npy").read_bytes()
    (folder / "x.npy").write_bytes(whole[:-1])
    with pytest.raises(InputError, match=r"x\.npy cannot be read"):
        read(config(folder))
    np.save(folder / "x.npy", np.array([[{}]]), allow_pickle=True)
    with pytest.raises(InputError, match="pickled Python objects"):
        read(config(folder))
    np.save(folder / "x.npy", np.array([["text"]]))
    with pytest.raises(InputError, match="Rows must be numbers"):
        read(config(folder))


def test_a_file_that_is_cut_short_while_it_is_read_raises_an_error(folder: Path):
    rows = StreamedRows(folder / "x.npy", SMALL)
    os.truncate(folder / "x.npy", 50_000)
    assert len(rows[:10]) == 10
    with pytest.raises(OSError, match="became shorter"):
        rows[1790:]


def test_rows_stored_column_by_column_are_refused_on_disk(digits, folder: Path):
    np.save(folder / "x.npy", np.asfortranarray(digits[0]))
    with pytest.raises(InputError, match="row by row"):
        read(config(folder))
    assert len(read(config(folder, GIB)).numbers) == 1797


def test_rows_of_any_type_and_byte_order_are_read(digits, folder: Path):
    for kind in (">f4", ">i2", "<f8", "?", "<f2"):
        rows = digits[0].reshape(-1, 64).astype(kind)
        np.save(folder / "x.npy", rows)
        np.testing.assert_array_equal(StreamedRows(folder / "x.npy", SMALL)[100:200], rows[100:200])


@pytest.mark.parametrize("kind", ["npy", "parquet"])
def test_what_is_small_beside_a_large_offset_is_kept_on_disk(kind: str, tmp_path: Path):
    """Milliseconds since 1970 within one minute, and the same less the least of them."""
    small = np.tile(200 * np.arange(300), 30)
    found = []
    for name, offset in (("plain", 0), ("large", 1_764_000_000_000)):
        rows = np.column_stack([small, small[::-1]]) + offset
        path = tmp_path / name
        path.mkdir()
        if kind == "npy":
            np.save(path / "x.npy", rows)
            np.save(path / "y.npy", np.arange(9000) % 2)
            settings = config(path, scaling="standard", holdout="drawn")
        else:
            table = pd.DataFrame(rows, columns=["a", "b"]).assign(y=np.arange(9000) % 2)
            table.to_parquet(path / "a.parquet")
            settings = config(path / "a.parquet", label="y", holdout="drawn")
        prepared = prepare(settings, 0, tmp_path / f"{name}_prepared")
        assert isinstance(prepared.rows, StreamedRows)
        found.append(prepared.rows[:])
    assert len(np.unique(found[1][:, 0])) == 300
    np.testing.assert_allclose(*found, atol=1e-6)


# Parquet


@pytest.fixture
def parquet(digits: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> Path:
    rows = digits[0].reshape(-1, 64)
    table = pd.DataFrame(rows, columns=[f"pixel {n}" for n in range(64)]).assign(digit=digits[1])
    table["pixel 5"] = table["pixel 5"].astype(float)
    table.loc[1500, "pixel 5"] = np.nan
    table.to_parquet(tmp_path / "digits.parquet", row_group_size=400)
    return tmp_path / "digits.parquet"


def test_a_large_parquet_file_becomes_rows_on_disk_that_are_the_same(parquet: Path, tmp_path: Path):
    settings = {"label": "digit", "missing": "impute", "scaling": "global"}
    in_memory = prepare(config(parquet, GIB, **settings), 0, tmp_path / "memory")
    on_disk = prepare(config(parquet, **settings), 0, tmp_path / "disk")
    assert isinstance(on_disk.rows, StreamedRows)
    np.testing.assert_array_equal(on_disk.rows[:], in_memory.rows)
    np.testing.assert_array_equal(on_disk.targets, in_memory.targets)
    assert on_disk.preprocessing.columns == in_memory.preprocessing.columns
    assert on_disk.fingerprint == in_memory.fingerprint


def test_text_in_a_large_parquet_file_is_refused_by_its_column(parquet: Path, tmp_path: Path):
    table = pd.read_parquet(parquet)
    table["colour"] = np.array(["red", "blue"])[np.arange(len(table)) % 2]
    table.to_parquet(parquet)
    with pytest.raises(InputError, match=r"categories: 'colour'.*data\.ignore"):
        read(config(parquet, label="digit"), tmp_path)
    source = read(config(parquet, label="digit", ignore=("colour",)), tmp_path)
    assert len(source.columns) == 61  # three pixels are always empty
    with pytest.raises(InputError, match="categories: 'pixel 3'"):
        read(config(parquet, label="colour", categorical=("pixel 3",)), tmp_path)


def test_a_damaged_large_parquet_file_is_refused(parquet: Path, tmp_path: Path):
    whole = bytearray(parquet.read_bytes())
    whole[2000:2400] = bytes(400)
    parquet.write_bytes(whole)
    with pytest.raises(InputError, match="digits.parquet cannot be read"):
        read(config(parquet, label="digit"), tmp_path)


# TFRecord


def write_shards(folder: Path, rows: np.ndarray, labels: np.ndarray | None, shards: int) -> Path:
    """Rows of bytes as one string, others as a list; labels as they are."""
    import tensorflow as tf

    folder.mkdir()
    for shard, part in enumerate(np.array_split(np.arange(len(rows)), shards)):
        name = f"digits-{shard:05}-of-{shards:05}.tfrecord"
        with tf.io.TFRecordWriter(str(folder / name)) as writer:
            for row in part:
                features = {"x": feature(rows[row])}
                if labels is not None:
                    features["y"] = feature(labels[row])
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString())
    return folder


def feature(values: np.ndarray):
    import tensorflow as tf

    match values.dtype.kind:
        case "u":
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[values.tobytes()]))
        case "U":
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[str(values).encode()]))
        case "f":
            return tf.train.Feature(float_list=tf.train.FloatList(value=np.ravel(values)))
        case _:
            return tf.train.Feature(int64_list=tf.train.Int64List(value=np.ravel(values)))


@pytest.mark.parametrize("kind", ["uint8", "float32", "int64"])
def test_shards_are_the_rows_they_hold_in_memory_and_on_disk(kind, digits, folder, tmp_path):
    rows = digits[0].reshape(-1, 64).astype(kind)
    shards = write_shards(tmp_path / "shards", rows, digits[1], 3)
    np.save(folder / "x.npy", rows)
    expected = prepare(config(folder, GIB), 0, tmp_path / "expected")
    in_memory = prepare(config(shards, GIB), 0, tmp_path / "memory")
    on_disk = prepare(config(shards), 0, tmp_path / "disk")
    assert isinstance(in_memory.rows, np.ndarray)
    assert isinstance(on_disk.rows, StreamedRows)
    for found in (in_memory, on_disk):
        assert found.name == "shards"
        assert found.fingerprint == expected.fingerprint
        np.testing.assert_array_equal(found.rows[:], expected.rows)
        np.testing.assert_array_equal(found.targets, expected.targets)


def test_labels_in_shards_may_be_text_or_absent(digits, tmp_path: Path):
    rows = digits[0].reshape(-1, 64)[:90]
    names = np.array(["even", "odd"])[digits[1][:90] % 2]
    named = read(config(write_shards(tmp_path / "named", rows, names, 2)))
    assert set(named.target) == {"even", "odd"}
    assert read(config(write_shards(tmp_path / "bare", rows, None, 1))).target is None


def test_damaged_shards_and_other_records_are_refused(digits, tmp_path: Path):
    import tensorflow as tf

    rows = digits[0].reshape(-1, 64)
    folder = write_shards(tmp_path / "shards", rows, digits[1], 1)
    (shard,) = folder.iterdir()
    whole = bytearray(shard.read_bytes())
    whole[5000] ^= 1
    shard.write_bytes(whole)
    with pytest.raises(InputError, match="cannot be read: .*cut short"):
        read(config(folder), tmp_path)
    for record, message in ((b"no example", "something else"), (b"", "needs a row `x`")):
        with tf.io.TFRecordWriter(str(shard)) as writer:
            writer.write(record)
        with pytest.raises(InputError, match=message):
            read(config(folder), tmp_path)
    shard.write_bytes(b"")
    with pytest.raises(InputError, match="have no record"):
        read(config(folder), tmp_path)


def test_rows_of_several_widths_in_shards_are_refused(digits, tmp_path: Path):
    import tensorflow as tf

    for kind in ("uint8", "float32"):
        rows = digits[0].reshape(-1, 64).astype(kind)
        folder = write_shards(tmp_path / kind, rows[:50], digits[1], 1)
        with tf.io.TFRecordWriter(str(folder / "more.tfrecord")) as writer:
            features = {"x": feature(rows[0, :60]), "y": feature(digits[1][0])}
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
        with pytest.raises(InputError, match=f"{tmp_path / kind}"):
            read(config(folder), tmp_path)


def test_blocks_of_rows_in_memory_come_to_the_same_features(digits, monkeypatch):
    images, labels = digits
    chosen = np.arange(0, 1797, 2)
    for scaling in ("global", "minmax", "standard"):
        # `minmax` and `standard` refuse pixels that are always empty.
        settings = DataConfig(scaling=scaling, ignore=() if scaling == "global" else EMPTY)
        source = source_of(Arrays("digits", "digits", images, labels, None), settings)
        whole = fit(source, chosen, settings)
        expected = whole.apply(source.numbers, source.categories)
        with monkeypatch.context() as patch:
            patch.setattr(streamed, "BLOCK_BYTES", 10_000)  # some forty rows
            in_blocks = fit(source, chosen, settings)
            blocks = list(in_blocks.blocks(source))
        assert len(blocks) > 40
        np.testing.assert_allclose(np.concatenate(blocks), expected, rtol=1e-5, atol=1e-6)
