"""A .parquet file: in memory, or its rows on disk where they exceed the memory."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from pipeline.config.data import DataConfig
from pipeline.data.rows.memory import check_fits
from pipeline.data.rows.streamed import exceeds
from pipeline.data.source import Source
from pipeline.data.sources.arrays_folder import ROWS
from pipeline.data.sources.tables.cells import holds_text
from pipeline.data.sources.tables.parquet_damage import count_values, damaged_parquet, is_row_index
from pipeline.data.sources.tables.parquet_on_disk import parquet_on_disk
from pipeline.data.sources.tables.table import TableReader


class ParquetReader(TableReader):
    """A .parquet file."""

    suffixes = (".parquet",)

    def source(self, spec: str, config: DataConfig, scratch: Path | None) -> Source:
        """The rows in memory or, their numbers written into `scratch`, on disk."""
        if scratch and _exceeds(Path(spec), config):
            return parquet_on_disk(Path(spec), config, scratch / ROWS)
        return super().source(spec, config, scratch)

    def table(self, path: Path, known: Collection[str]) -> pa.Table:
        """The table without pandas' row index; text stays packed."""
        with damaged_parquet(path):
            metadata = pa.parquet.read_metadata(path)
            check_fits(count_values(path), np.dtype(np.float64).itemsize, path.name)
            # Text stays packed, each distinct value once, until its size is known.
            schema = metadata.schema.to_arrow_schema()
            text = [field.name for field in schema if holds_text(field.type)]
            with pa.parquet.ParquetFile(path, metadata=metadata, read_dictionary=text) as file:
                table = file.read()
            table.validate(full=True)  # text that is not UTF-8, positions beyond the end
        return table.drop_columns([name for name in table.column_names if is_row_index(name)])


def _exceeds(path: Path, config: DataConfig) -> bool:
    """Whether the rows that the file announces take more than `data.memory`."""
    with damaged_parquet(path):
        metadata = pa.parquet.read_metadata(path)
    return exceeds(metadata.num_rows, metadata.num_columns, config.memory_bytes)
