"""A folder of .npy files: x.npy with the rows and y.npy with their labels, of any size."""

from pathlib import Path

import numpy as np

from pipeline.config.data import DataConfig
from pipeline.data.rows.streamed import exceeds
from pipeline.data.source import Source
from pipeline.data.sources.arrays import mapped_npy, read_npy
from pipeline.data.sources.matrix import Arrays, flat, source_of
from pipeline.data.sources.on_disk import source_on_disk

ROWS, LABELS = "x.npy", "y.npy"


def holds_arrays(folder: Path) -> bool:
    """Whether the folder has rows in a .npy file."""
    return (folder / ROWS).is_file()


def read_arrays_folder(folder: Path) -> Arrays:
    """The arrays of the folder, in memory.

    Raises:
        InputError: for a damaged file, pickled objects, and more than fits in memory.
    """
    name = folder.resolve().name
    return Arrays(name, name, read_npy(folder / ROWS).x, _labels(folder), None)


def arrays_folder_source(folder: Path, config: DataConfig) -> Source:
    """The source that the folder is; rows that need more than `data.memory` stay on disk.

    Raises:
        InputError: for a damaged file, pickled objects, and what cannot be rows or labels.
    """
    file = folder / ROWS
    rows, width = flat(mapped_npy(file), ROWS).shape
    if exceeds(rows, width, config.memory_bytes):
        return source_on_disk(file, _labels(folder), folder.resolve().name, config)
    return source_of(read_arrays_folder(folder), config)


def _labels(folder: Path) -> np.ndarray | None:
    file = folder / LABELS
    return read_npy(file).x if file.is_file() else None
