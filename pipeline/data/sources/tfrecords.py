"""A folder of TFRecord shards: tf.train.Example with a row `x` and, where there are labels, `y`."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config.data import DataConfig
from pipeline.data.rows.streamed import Rows, write_rows
from pipeline.data.source import Source
from pipeline.data.sources.arrays import stored_rows
from pipeline.data.sources.arrays_folder import LABELS, ROWS, ArraysFolderReader
from pipeline.data.sources.matrix import Arrays, ArraysReader
from pipeline.errors import InputError

PATTERN = "*.tfrecord*"
READ_ROWS = 4096


class ShardsReader(ArraysReader):
    """A folder of shards: they become a folder of .npy files, and are read as such."""

    def recognises(self, spec: str) -> bool:
        """Whether it is a folder with shards."""
        return Path(spec).is_dir() and any(Path(spec).glob(PATTERN))

    def arrays(self, spec: str) -> Arrays:
        """The arrays in the shards, in memory."""
        name = Path(spec).resolve().name
        with tempfile.TemporaryDirectory() as converted:
            convert_shards(Path(spec), Path(converted))
            return ArraysFolderReader().arrays(converted)._replace(name=name, origin=name)

    @contextmanager
    def matrix(self, spec: str) -> Iterator[tuple[Rows, str]]:
        """The rows, converted into a file while they are read."""
        with tempfile.TemporaryDirectory(prefix="layerwise-") as converted:
            convert_shards(Path(spec), Path(converted))
            name = Path(spec).resolve().name
            yield stored_rows(Path(converted) / ROWS, name), name

    def source(self, spec: str, config: DataConfig, scratch: Path | None) -> Source:
        """The rows in memory or, converted into `scratch`, on disk."""
        if scratch is None:
            return super().source(spec, config, scratch)
        convert_shards(Path(spec), scratch)
        name = Path(spec).resolve().name
        source = ArraysFolderReader().source(str(scratch), config, scratch)
        return replace(source, name=name, origin=name)


def convert_shards(folder: Path, into: Path) -> None:
    """Write the shards, in the order of their names, as x.npy and y.npy into the folder `into`.

    `x` is a list of floats, of integers, or bytes, one for each value. `y` is one number or text.
    Rows of bytes stay bytes, those of integers int64.

    Raises:
        InputError: for a damaged shard, and for records of another kind or of several widths.
    """
    import tensorflow as tf

    shards = sorted(str(path) for path in folder.glob(PATTERN))
    try:
        first = next(iter(tf.data.TFRecordDataset(shards).take(1)), None)
        if first is None:
            raise InputError(f"There must be rows. The shards in {folder} have no record.")
        x, width, y = _kinds(first.numpy(), folder)
        labels: list[np.ndarray] = []
        records = tf.data.TFRecordDataset(shards).batch(READ_ROWS)
        write_rows(into / ROWS, _parsed(records, x, width, y, labels, folder))
    except (tf.errors.OpError, ValueError) as error:
        raise InputError(
            f"The shards in {folder} cannot be read: {str(error).splitlines()[0]}. One may be cut "
            "short, or be packed. Write them again with tf.io.TFRecordWriter."
        ) from error
    if y:
        np.save(into / LABELS, np.concatenate(labels))


def _kinds(record: bytes, folder: Path) -> tuple[str, int, str | None]:
    """What a record holds: the kind of its row, how many values it has, the kind of its label."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        features = tf.train.Example.FromString(record).features.feature
    except DecodeError as error:
        raise InputError(
            f"Shards hold records of tf.train.Example. Those in {folder} hold something else."
        ) from error
    kind = features["x"].WhichOneof("kind") if "x" in features else None
    values = list(features["x"].bytes_list.value) if kind == "bytes_list" else []
    widths = {
        "float_list": len(features["x"].float_list.value),
        "int64_list": len(features["x"].int64_list.value),
        "bytes_list": len(values[0]) if len(values) == 1 else 0,
    }
    if kind is None or not widths[kind]:
        raise InputError(
            "A record needs a row `x`: floats, integers, or one string of bytes. Those in "
            f"{folder} have {', '.join(sorted(features)) or 'nothing'}. Name the row so, and its "
            "label `y`."
        )
    return kind, widths[kind], features["y"].WhichOneof("kind") if "y" in features else None


def _parsed(
    records: Any, x: str, width: int, y: str | None, labels: list[np.ndarray], folder: Path
) -> Iterator[np.ndarray]:
    """The rows of each batch of records; their labels are appended to `labels`."""
    import tensorflow as tf

    types = {"float_list": tf.float32, "int64_list": tf.int64, "bytes_list": tf.string}
    shape = [] if x == "bytes_list" else [width]
    features = {"x": tf.io.FixedLenFeature(shape, types[x])}
    if y:
        features["y"] = tf.io.FixedLenFeature([], types[y])
    for batch in records:
        parsed = tf.io.parse_example(batch, features)
        if y:
            values = parsed["y"].numpy()
            labels.append(values.astype(bytes) if y == "bytes_list" else values)
        rows = parsed["x"].numpy()
        if x != "bytes_list":
            yield rows
            continue
        if {len(row) for row in rows} != {width}:
            raise InputError(
                f"Rows must be equally wide. Those in {folder} have {width} bytes and others. "
                "Write them again."
            )
        yield np.frombuffer(b"".join(rows), np.uint8).reshape(-1, width)
