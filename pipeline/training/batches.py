"""Which rows are in memory while a level trains, and in which order it sees them.

Rows in memory are one window: each epoch shuffles them as a whole. Rows on disk are read in chunks:
each epoch takes the chunks in random order, a window's worth at a time, shuffles the rows
within it, and reads the next window while this one trains.
Source of the scheme: Xu et al., "In-Database Machine Learning with CorgiPile" (2022).
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from pipeline.data.rows.aligned import ALIGNMENT, aligned_empty
from pipeline.data.rows.streamed import Rows, StreamedRows
from pipeline.seeds import derive
from pipeline.training.loop import shuffled_batches

FLOAT32 = np.dtype(np.float32)
CHUNKS = 16
"""Of a window: the places of the file from which the rows come that are shuffled together."""


class Window(NamedTuple):
    """Some rows in memory, and batches of them."""

    rows: tf.Tensor
    """(rows, features), float32."""
    batches: np.ndarray
    """Positions in these rows, (steps, batch size)."""


class Resident:
    """Rows that stay in memory: one window an epoch. Rows that fill no batch sit it out."""

    def __init__(self, rows: np.ndarray, batch_size: int):
        self._rows = tensor_of(rows)
        self._batch_size = batch_size
        self.steps = self.window_steps = len(rows) // batch_size

    def epoch(self, seed: int, first: int = 0) -> Iterator[Window]:
        """The windows of an epoch from number `first` on."""
        if first == 0:
            yield Window(self._rows, shuffled_batches(len(self._rows), self._batch_size, seed))


class Streamed:
    """Rows that are read from disk, window by window.

    Chunks begin at a random row, so that not the same rows are left out of each epoch: those before
    the first chunk and after the last.
    """

    def __init__(self, rows: StreamedRows, batch_size: int):
        self._rows = rows
        self._batch_size = batch_size
        batches = max(1, rows.block_rows // CHUNKS // batch_size)
        self._chunk_rows = min(batches * batch_size, len(rows) // batch_size * batch_size)
        self._chunks = len(rows) // self._chunk_rows
        self.steps = self._chunks * self._chunk_rows // batch_size
        """Steps of an epoch."""
        self.window_steps = CHUNKS * self._chunk_rows // batch_size
        """Steps of a window; the last one may have fewer."""

    def epoch(self, seed: int, first: int = 0) -> Iterator[Window]:
        """The windows of an epoch from number `first` on."""
        random = np.random.default_rng(seed)
        offset = random.integers(len(self._rows) - self._chunks * self._chunk_rows + 1)
        starts = offset + self._chunk_rows * random.permutation(self._chunks)
        windows = [np.sort(starts[n : n + CHUNKS]) for n in range(0, self._chunks, CHUNKS)]
        with ThreadPoolExecutor(1) as reader:
            coming = reader.submit(self._read, windows[first])
            for number, after in enumerate([*windows[first + 1 :], None], first):
                rows = coming.result()
                if after is not None:
                    coming = reader.submit(self._read, after)
                order = derive(seed, "window", number)
                yield Window(tensor_of(rows), shuffled_batches(len(rows), self._batch_size, order))

    def _read(self, starts: np.ndarray) -> np.ndarray:
        rows = aligned_empty((len(starts) * self._chunk_rows, self._rows.shape[1]), FLOAT32)
        for number, start in enumerate(starts):
            place = slice(number * self._chunk_rows, (number + 1) * self._chunk_rows)
            rows[place] = self._rows[start : start + self._chunk_rows]
        return rows


def tensor_of(rows: np.ndarray) -> tf.Tensor:
    """The rows as a tensor: the same memory where that may be, which must not change then."""
    on_gpu = tf.config.list_logical_devices("GPU")
    ours = rows.flags.writeable and rows.flags.c_contiguous and len(rows)
    if on_gpu or not ours or rows.ctypes.data % ALIGNMENT:
        return tf.constant(rows)
    return tf.experimental.dlpack.from_dlpack(rows.__dlpack__())


def windows_of(rows: Rows, batch_size: int) -> Resident | Streamed:
    """What trains on these rows (rows, features) in batches of `batch_size`, no more than rows."""
    if isinstance(rows, StreamedRows):
        return Streamed(rows, batch_size)
    return Resident(rows, batch_size)
