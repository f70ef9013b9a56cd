"""A .parquet file whose rows exceed the memory: block by block, its numbers become a .npy."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from pipeline.config.data import DataConfig
from pipeline.data.rows.streamed import BLOCKS, StreamedRows, write_rows
from pipeline.data.source import Column, Source
from pipeline.data.sources.tables.cells import (
    ColumnError,
    cells_of,
    number_cells,
    reports,
    rounding_notes,
)
from pipeline.data.sources.tables.columns import check_unique, target_and_features
from pipeline.data.sources.tables.parquet_damage import count_values, damaged_parquet, is_row_index
from pipeline.data.sources.tables.table import labels_of_cells
from pipeline.errors import raise_all


def parquet_on_disk(path: Path, config: DataConfig, file: Path) -> Source:
    """The source that a .parquet file is, its numbers in the .npy `file`.

    They are float64 there, or float32 where that holds every value of the columns' types.

    Raises:
        InputError: for a damaged file, and for feature columns that are not numbers.
    """
    with damaged_parquet(path):
        count_values(path)  # refuses what would end this process
        parquet = pa.parquet.ParquetFile(path)
    with parquet:
        names = [name for name in parquet.schema_arrow.names if not is_row_index(name)]
        check_unique(names, path.name)
        labels, features = target_and_features(config, names, path.name)
        _check_numbers([parquet.schema_arrow.field(name) for name in features], config, path.name)
        dtype = _dtype([parquet.schema_arrow.field(name).type for name in features])
        label_cells: list[pa.Table] = []
        notes: dict[str, None] = {}

        def blocks() -> Iterator[np.ndarray]:
            # PyArrow keeps what it reads ahead.
            rows = max(
                1, config.memory_bytes // BLOCKS // (len(features) * 4 * np.float64().nbytes)
            )
            batches = parquet.iter_batches(rows, columns=[*features, *labels])
            while True:
                with damaged_parquet(path):
                    batch = next(batches, None)
                    if batch is None:
                        return
                    batch.validate(full=True)
                table = pa.Table.from_batches([batch])
                label_cells.append(table.select(labels))
                for name in features:
                    if pa.types.is_integer(table[name].type):
                        notes.update(dict.fromkeys(rounding_notes(table[name], name, path.name)))
                yield _numbers(table, features, dtype, path.name)

        write_rows(file, blocks())
    label_table = pa.concat_tables(label_cells)
    cells = {label: cells_of(label_table[label], label, path.name) for label in labels}
    return Source(
        name=path.stem,
        origin=path.name,
        columns=tuple(Column(name, "number") for name in features),
        numbers=StreamedRows(file, config.memory_bytes),
        categories=np.empty((label_table.num_rows, 0), "<U1"),
        test=None,
        image_shape=None,
        table=True,
        notes=tuple(notes),
        labels=labels_of_cells(cells, config, path.name),
    )


def _dtype(kinds: list[pa.DataType]) -> np.dtype:
    """What holds every value of columns of these kinds, decimals but for their last digits."""
    exact = (np.can_cast(kind.to_pandas_dtype(), np.float32) for kind in kinds)
    return np.dtype(np.float32 if all(exact) else np.float64)


def _numbers(table: pa.Table, features: list[str], dtype: np.dtype, where: str) -> np.ndarray:
    numbers = np.empty((table.num_rows, len(features)), dtype)
    for position, name in enumerate(features):
        numbers[:, position] = number_cells(cells_of(table[name], name, where), name, where)
    return numbers


def _check_numbers(fields: list[pa.Field], config: DataConfig, where: str) -> None:
    """Raise `InputError` for all columns that are not numbers."""
    unusable = [
        ColumnError(
            field.name,
            where,
            "Rows that stay on disk have columns of numbers alone.",
            f"holds {'categories' if _is_number(field.type) else field.type}",
            f"The rows need more than data.memory: {config.memory:g}. Raise it, or leave such "
            "columns out with data.drop.",
        )
        for field in fields
        if not _is_number(field.type) or field.name in config.categorical
    ]
    raise_all(reports(unusable))


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
