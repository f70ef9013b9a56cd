"""Whatever the bytes of a file, it is read or refused with the one error that says what is wrong.

Each reader gets arbitrary bytes, and files that were whole before something happened to them.
"""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config.data import DataConfig
from pipeline.data.source import Column
from pipeline.data.sources.read import read_rows
from pipeline.errors import InputError
from tests.pipeline.data.reading import describe, read
from tests.pipeline.data.sources.damage import damaged

ROWS = 24
MATRIX = np.arange(ROWS * 3, dtype=np.float64).reshape(ROWS, 3) % 7
WORDS = np.array(["red", "green", ""] * (ROWS // 3))
TABLE = pd.DataFrame(MATRIX, columns=["x0", "x1", "x2"]).assign(y=WORDS, word=WORDS[::-1])
COLUMNS = tuple(Column(f"x{position}", "number") for position in range(3))


def examples(number: int) -> settings:
    return settings(
        max_examples=number,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


def used(source: Path, task: str = "classification", **settings: object) -> None:
    """Reads it in every way there is; `InputError` alone may come of it."""
    with suppress(InputError):
        read_rows(str(source), COLUMNS)
    with suppress(InputError):
        config = DataConfig(source=str(source), **settings)
        json.dumps(describe(read(config, kind=task), config), allow_nan=False).encode()


def used_on_disk(
    source: Path, scratch: Path, task: str = "classification", **settings: object
) -> None:
    """The same, with so little memory that rows are left on disk."""
    with suppress(InputError):
        config = DataConfig(source=str(source), memory=1e-6, **settings)
        json.dumps(describe(read(config, scratch, task), config), allow_nan=False)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def idx(values: np.ndarray) -> bytes:
    sizes = np.array(values.shape, ">u4").tobytes()
    return bytes([0, 0, 8, values.ndim]) + sizes + values.astype(np.uint8).tobytes()


def written(write: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


X, Y = npy(MATRIX), npy(WORDS)
CSV = written(lambda file: TABLE.to_csv(file, index=False))
PARQUET = written(lambda file: TABLE.to_parquet(file, index=False))
IMAGES, LABELS = idx(MATRIX.reshape(ROWS, 3, 1)), idx(np.arange(ROWS) % 2)
CSV_TEXT = st.text(alphabet='xy01,,,"\n\n\r.e-+ni \t\0é;', max_size=80).map(str.encode)


@examples(150)
@given(content=st.one_of(st.binary(max_size=200), damaged(X)))
def test_npy(content: bytes, folder: Path):
    (folder / "a.npy").write_bytes(content)
    used(folder / "a.npy")


@examples(200)
@given(
    content=st.one_of(
        st.binary(max_size=200),
        damaged(npz(x=X, y=Y)),
        st.builds(npz, x=damaged(X), y=st.just(Y)),
        st.builds(npz, x=st.just(X), y=damaged(Y)),
        st.builds(
            npz, x_train=st.just(X), y_train=damaged(Y), x_test=damaged(X), y_test=damaged(Y)
        ),
    ),
    task=st.sampled_from(["classification", "regression", "multilabel"]),
)
def test_npz(content: bytes, task: str, folder: Path):
    (folder / "a.npz").write_bytes(content)
    used(folder / "a.npz", task=task)


@examples(150)
@given(
    images=st.one_of(
        st.binary(max_size=100), damaged(IMAGES), damaged(IMAGES).map(gzip.compress),
        damaged(gzip.compress(IMAGES)),
    ),
    labels=st.one_of(st.just(LABELS), damaged(LABELS)),
    packed=st.booleans(),
)  # fmt: skip
def test_idx(images: bytes, labels: bytes, packed: bool, folder: Path):
    place = folder / ("packed" if packed else "plain")
    place.mkdir(exist_ok=True)
    (place / f"train-images-idx3-ubyte{'.gz' if packed else ''}").write_bytes(images)
    (place / "train-labels-idx1-ubyte").write_bytes(labels)
    used(place)


@examples(150)
@given(
    x=st.one_of(st.binary(max_size=200), damaged(X)),
    y=st.one_of(st.just(Y), damaged(Y)),
    task=st.sampled_from(["classification", "regression", "multilabel"]),
)
def test_a_folder_of_arrays(x: bytes, y: bytes, task: str, folder: Path):
    place = folder / "arrays"
    place.mkdir(exist_ok=True)
    (place / "x.npy").write_bytes(x)
    (place / "y.npy").write_bytes(y)
    used(place, task=task)
    used_on_disk(place, folder, task=task)


@examples(60)
@given(data=st.data(), whole_records=st.booleans())
def test_shards(data: st.DataObject, whole_records: bool, folder: Path):
    import tensorflow as tf

    features = {
        "x": tf.train.Feature(float_list=tf.train.FloatList(value=MATRIX[1])),
        "y": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"red"])),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    place = folder / "shards"
    place.mkdir(exist_ok=True)
    shard = place / "a.tfrecord"
    with tf.io.TFRecordWriter(str(shard)) as writer:
        writer.write(example)
        writer.write(data.draw(damaged(example)) if whole_records else example)
    if not whole_records:
        shard.write_bytes(data.draw(damaged(shard.read_bytes())))
    used(place)
    used_on_disk(place, folder)


@examples(200)
@given(
    content=st.one_of(st.binary(max_size=200), CSV_TEXT, damaged(CSV)),
    task=st.sampled_from(["classification", "regression"]),
)
def test_csv(content: bytes, task: str, folder: Path):
    (folder / "a.csv").write_bytes(content)
    used(folder / "a.csv", label="y", task=task, missing="impute")


PARQUET_FILES = st.one_of(st.binary(max_size=200), damaged(PARQUET))


def parquet_is_used(content: bytes, folder: Path) -> None:
    (folder / "a.parquet").write_bytes(content)
    used(folder / "a.parquet", label="y")
    used_on_disk(folder / "a.parquet", folder, label="y", ignore=("word",))


@examples(20)  # few, because a process is started for each
@given(content=PARQUET_FILES)
def test_parquet(content: bytes, folder: Path):
    parquet_is_used(content, folder)


@pytest.mark.slow
@examples(300)
@given(content=PARQUET_FILES)
def test_much_parquet(content: bytes, folder: Path):
    parquet_is_used(content, folder)


@examples(100)
@given(name=st.text(max_size=30), suffix=st.sampled_from(["", ".npy", ".csv", ".npz", "/x", "~"]))
def test_the_name_of_a_source(name: str, suffix: str):
    with suppress(InputError):
        read_rows(f"//nowhere/{name}{suffix}", COLUMNS)
    with suppress(InputError):
        read_rows(f"~{name}{suffix}", COLUMNS)
