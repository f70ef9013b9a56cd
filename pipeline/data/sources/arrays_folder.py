"""A folder of .npy files: x.npy with the rows and y.npy with their labels, of any size."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pipeline.config.data import DataConfig
from pipeline.data.rows.streamed import Rows, exceeds
from pipeline.data.source import Source
from pipeline.data.sources.arrays import mapped_npy, read_npy, stored_rows
from pipeline.data.sources.matrix import Arrays, ArraysReader, flat, source_of
from pipeline.data.sources.on_disk import source_on_disk

ROWS, LABELS = "x.npy", "y.npy"


class ArraysFolderReader(ArraysReader):
    """A folder with x.npy; rows that need more than `data.memory` stay on disk."""

    def recognises(self, spec: str) -> bool:
        """Whether there are rows in it."""
        return (Path(spec) / ROWS).is_file()

    def arrays(self, spec: str) -> Arrays:
        """The arrays of the folder, in memory."""
        name = Path(spec).resolve().name
        return Arrays(name, name, read_npy(Path(spec) / ROWS).x, _labels(Path(spec)), None)

    @contextmanager
    def matrix(self, spec: str) -> Iterator[tuple[Rows, str]]:
        """The rows where they are."""
        name = Path(spec).resolve().name
        yield stored_rows(Path(spec) / ROWS, name), name

    def source(self, spec: str, config: DataConfig, scratch: Path | None) -> Source:
        """The rows in memory or on disk; nothing need be converted."""
        file = Path(spec) / ROWS
        rows, width = flat(mapped_npy(file), ROWS).shape
        if exceeds(rows, width, config.memory_bytes):
            name = Path(spec).resolve().name
            return source_on_disk(file, _labels(Path(spec)), name, config)
        return source_of(self.arrays(spec), config)


def _labels(folder: Path) -> np.ndarray | None:
    file = folder / LABELS
    return read_npy(file).x if file.is_file() else None
