"""Rows that stay on disk and are read where they are asked for: any number of them."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Self

import numpy as np

from pipeline.data.rows.aligned import aligned_empty
from pipeline.errors import InputError

Change = Callable[[np.ndarray], np.ndarray]
"""What is made of rows (rows, columns) when they are read."""

BLOCKS = 8
"""Parts of the memory for rows: one is read at a time; the others are for what is made of it."""
BLOCK_BYTES = 2**24
"""Of rows in memory, what is worked on at a time, as float64."""
COPIES = 3
"""At most, of rows as float32: one and a file's float64 while they are read; one while a level
trains, two where it standardises them."""


class StreamedRows:
    """Rows (rows, columns) of a .npy file, of which only those that are asked for are in memory.

    Arguments:
      file: the .npy, of any shape (rows, ...); a row is flattened.
      memory: how many bytes rows may take in memory.
    """

    def __init__(self, file: Path, memory: int):
        array = np.load(file, mmap_mode="r", allow_pickle=False)
        if not array.flags.c_contiguous:
            raise InputError(
                f"Rows that stay on disk must be stored row by row. {file.name} is stored column "
                "by column. Write it with np.save(file, np.ascontiguousarray(rows))."
            )
        self.file = file
        self.memory = memory
        self.shape = (len(array), int(np.prod(array.shape[1:])))
        self._stored_columns = self.shape[1]
        self._dtype, self._offset = array.dtype, array.offset
        self._positions: np.ndarray | None = None
        self._changes: tuple[Change, ...] = ()

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: slice | np.ndarray) -> np.ndarray:
        """The rows of a slice or at positions, in memory."""
        if isinstance(index, slice):
            index = np.arange(*index.indices(len(self)))
        rows = self._read(index if self._positions is None else self._positions[index])
        for change in self._changes:
            rows = change(rows)
        return rows

    def _read(self, positions: np.ndarray) -> np.ndarray:
        """Rows as they are stored; those that lie together are read together.

        The file is not mapped: mapped pages count as memory of this process, and a file that
        another program cuts short would end it.
        """
        rows = aligned_empty((len(positions), self._stored_columns), self._dtype)
        together = np.split(positions, np.flatnonzero(np.diff(positions) != 1) + 1)
        done = 0
        with self.file.open("rb") as file:
            for run in together:
                part = rows[done : done + len(run)]
                if len(part):
                    file.seek(self._offset + int(run[0]) * part[0].nbytes)
                if file.readinto(part.reshape(-1).view(np.uint8).data) < part.nbytes:
                    raise OSError(f"{self.file} became shorter while it was read")
                done += len(part)
        return rows

    def at(self, positions: np.ndarray) -> Self:
        """The rows at positions, still on disk."""
        chosen = self._copy((len(positions), self.shape[1]))
        chosen._positions = positions if self._positions is None else self._positions[positions]
        return chosen

    def changed(self, change: Change, columns: int) -> Self:
        """What `change` makes of the rows (rows, columns) when they are read."""
        changed = self._copy((len(self), columns))
        changed._changes = (*self._changes, change)
        return changed

    @property
    def block_rows(self) -> int:
        """How many rows are read at a time."""
        return max(1, self.memory // BLOCKS // (self.shape[1] * np.dtype(np.float32).itemsize))

    def _copy(self, shape: tuple[int, int]) -> Self:
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__, shape=shape)
        return copy


Rows = np.ndarray | StreamedRows
"""Rows (rows, columns) in memory or on disk."""


class ChosenRows:
    """Rows of an array at positions, copied only where they are asked for, block by block."""

    def __init__(self, rows: np.ndarray, positions: np.ndarray):
        self._rows = rows
        self._positions = positions
        self._changes: tuple[Change, ...] = ()
        self.shape = (len(positions), rows.shape[1])
        self.block_rows = _block_rows(rows)

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, index: slice) -> np.ndarray:
        rows = self._rows[self._positions[index]]
        for change in self._changes:
            rows = change(rows)
        return rows

    def changed(self, change: Change, columns: int) -> Self:
        """What `change` makes of the rows (rows, columns) when they are asked for."""
        changed = type(self)(self._rows, self._positions)
        changed._changes = (*self._changes, change)
        changed.shape = (len(self), columns)
        return changed


def exceeds(rows: int, columns: int, memory: int) -> bool:
    """Whether rows, with the copies that are made of them, take more than `memory` bytes."""
    return rows * columns * np.dtype(np.float32).itemsize * COPIES > memory


def at(rows: Rows, positions: np.ndarray) -> Rows:
    """The rows at positions: in memory or on disk, as they are."""
    return rows.at(positions) if isinstance(rows, StreamedRows) else rows[positions]


def blocks_of(rows: Rows | ChosenRows) -> Iterator[tuple[int, np.ndarray]]:
    """The rows in parts that fit in memory, each with the number of rows before it."""
    block_rows = _block_rows(rows) if isinstance(rows, np.ndarray) else rows.block_rows
    for start in range(0, len(rows), block_rows):
        yield start, rows[start : start + block_rows]


def _block_rows(rows: np.ndarray) -> int:
    return max(1, BLOCK_BYTES // max(1, rows.shape[1] * np.dtype(np.float64).itemsize))


def moments(rows: Rows | ChosenRows) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each column, float64 (columns,), read once.

    Blocks are merged one by one (Chan, Golub & LeVeque 1979).
    """
    mean = squares = np.zeros(rows.shape[1])
    for before, block in blocks_of(rows):
        of_block = block.mean(axis=0, dtype=np.float64)
        distance, total = of_block - mean, before + len(block)
        squares = squares + np.square(block - of_block).sum(axis=0)
        squares += np.square(distance) * before * len(block) / total
        mean = mean + distance * len(block) / total
    return mean, squares / len(rows)


def write_rows(file: Path, blocks: Iterable[np.ndarray]) -> None:
    """Write blocks (rows, columns), of which there is one at least, as one .npy file."""
    count = 0
    with file.open("wb") as out:
        for block in blocks:
            if count == 0:
                first = block
                _write_header(out, block, 0)
            out.write(np.ascontiguousarray(block).data)
            count += len(block)
        out.seek(0)
        _write_header(out, first, count)  # NumPy leaves room in it for the number of rows


def _write_header(out, block: np.ndarray, rows: int) -> None:
    description = {
        "descr": np.lib.format.dtype_to_descr(block.dtype),
        "fortran_order": False,
        "shape": (rows, *block.shape[1:]),
    }
    np.lib.format.write_array_header_1_0(out, description)
