"""A source whose rows stay in a .npy file."""

from pathlib import Path

import numpy as np

from pipeline.config.data import DataConfig
from pipeline.data.rows.streamed import StreamedRows
from pipeline.data.source import Column, Source
from pipeline.data.sources.matrix import all_numbers, chosen_columns, positions
from pipeline.data.target import labels_of
from pipeline.errors import InputError


def source_on_disk(file: Path, y: np.ndarray | None, name: str, config: DataConfig) -> Source:
    """The source of the rows in a .npy file (rows, ...), and their labels `y`.

    Raises:
        InputError: for what cannot be labels, unknown columns, and for categories.
    """
    row_shape = np.load(file, mmap_mode="r", allow_pickle=False).shape[1:]
    stored = StreamedRows(file, config.memory_bytes)
    rows, width = stored.shape
    columns = chosen_columns(config, width, name)
    if config.categorical:
        raise InputError(
            "Rows that stay on disk have columns of numbers alone. Given: data.categorical: "
            f"{list(config.categorical)}, and {name}, whose rows need more than data.memory: "
            f"{config.memory:g}. Raise data.memory, or leave these columns out with data.ignore."
        )
    labels = None
    if y is not None:
        labels = labels_of(y, rows, config.unlabelled, f"The array y of {name}")
    return Source(
        name=name,
        origin=name,
        columns=columns,
        numbers=numbers_on_disk(stored, columns),
        categories=np.empty((rows, 0), "<U1"),
        labels=labels,
        test=None,
        image_shape=row_shape if all_numbers(columns, width) and len(row_shape) > 1 else None,
        table=False,
    )


def numbers_on_disk(stored: StreamedRows, columns: tuple[Column, ...]) -> StreamedRows:
    """Of rows as they are stored the columns x0, x1, ... that are named."""
    kept = positions(columns)
    if len(kept) == stored.shape[1]:
        return stored
    return stored.changed(lambda rows: rows[:, kept], len(kept))
