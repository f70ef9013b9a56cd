"""Rows for inference that are open for reading: any number of them, block by block."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from pipeline.data.rows.memory import check_fits
from pipeline.data.source import RawRows

WHOLE_ROWS = 100_000
"""Rows that are read at a time where all are wanted."""


class OpenRows(ABC):
    """The rows of a source as a model reads them, in the order of the source.

    Attributes:
        where: opens messages.
        rows: how many there are.
    """

    where: str
    rows: int

    @abstractmethod
    def blocks(self, size: int) -> Iterator[RawRows]:
        """All rows, `size` at a time; the last block may have fewer. They have no notes.

        Raises:
            InputError: where a row cannot be used, and where the source is damaged.
        """

    def notes(self) -> tuple[str, ...]:
        """What was decided in reading, for people; asked when all blocks were read."""
        return ()

    def whole(self) -> RawRows:
        """All rows, in memory.

        Raises:
            InputError: as for `blocks`, and for more than fits in memory.
        """
        numbers = np.empty((0, 0))
        categories: list[np.ndarray] = []
        kept: list[pa.Table] = []
        done = 0
        for block in self.blocks(WHOLE_ROWS):
            if not done:
                width = block.numbers.shape[1]
                itemsize = block.numbers.dtype.itemsize
                check_fits(self.rows * (width + block.categories.shape[1]), itemsize, self.where)
                numbers = np.empty((self.rows, width), block.numbers.dtype)
            numbers[done : done + len(block.numbers)] = block.numbers
            categories.append(block.categories)
            if block.kept is not None:
                kept.append(block.kept)
            done += len(block.numbers)
        widest = max(part.dtype.itemsize for part in categories)
        check_fits(self.rows * categories[0].shape[1], widest, self.where)
        tables = pa.concat_tables(kept) if kept else None
        return RawRows(numbers, np.concatenate(categories), self.notes(), tables)
