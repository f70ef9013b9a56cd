"""Rows written to a file, block by block: a file appears whole or not at all."""

import errno
import io
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from pipeline.data.rows.streamed import write_rows
from pipeline.errors import InputError
from pipeline.files import atomic_write

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""How a system says that there is no room for a file."""


def write_tables(tables: Iterable[pa.Table], path: Path) -> None:
    """Write blocks of rows, all of the same columns, as .csv, .parquet or .npy.

    Memory does not grow with their number, but for an .npz file, which is made in memory: it has an
    array for each column of text, beside `values` with the numbers and `columns` with their names.

    Raises:
        InputError: for text in a .npy file, which is one array of numbers, and for a full disk.
    """
    write = {".csv": _write_csv, ".parquet": _write_parquet, ".npy": _write_npy}
    with atomic_write(path) as file, _full_disk_told(path):
        write.get(path.suffix, _write_npz)(iter(tables), file)


def _write_csv(tables: Iterator[pa.Table], file: Path) -> None:
    with file.open("wb") as out:
        for number, table in enumerate(tables):
            flat = _flat(table)
            try:
                out.write(_csv(flat, number == 0, "none"))
            except pa.ArrowInvalid:  # a cell needs quotes; this style puts them around all text
                out.write(_csv(flat, number == 0, "needed"))


def _csv(table: pa.Table, header: bool, quoting: str) -> bytes:
    text = io.BytesIO()
    options = pa.csv.WriteOptions(
        include_header=header, quoting_style=quoting, quoting_header=quoting
    )
    pa.csv.write_csv(table, text, options)
    return text.getvalue()


def _flat(table: pa.Table) -> pa.Table:
    """The same with lists and records, for which CSV has no form, as JSON."""
    for place, field in enumerate(table.schema):
        if pa.types.is_nested(field.type):
            texts = [json.dumps(cell, default=str) for cell in table.column(place).to_pylist()]
            table = table.set_column(place, field.name, pa.array(texts))
    return table


def _write_parquet(tables: Iterator[pa.Table], file: Path) -> None:
    first = next(tables)
    with pa.parquet.ParquetWriter(file, first.schema) as writer:
        for table in chain([first], tables):
            writer.write_table(table)


def _write_npy(tables: Iterator[pa.Table], file: Path) -> None:
    write_rows(file, map(_matrix, tables))


def _matrix(table: pa.Table) -> np.ndarray:
    """Columns of numbers as one array (rows, columns), whose type the columns' types decide."""
    for field in table.schema:
        if not _is_number(field):
            raise InputError(
                f"A .npy file holds numbers alone. {field.name!r} is text: write a .csv, .parquet "
                "or .npz file."
            )
    types = [field.type.to_pandas_dtype() for field in table.schema]
    matrix = np.empty(table.shape, np.result_type(*types))
    for place, column in enumerate(table.columns):
        matrix[:, place] = column.to_numpy()
    return matrix


def _write_npz(tables: Iterator[pa.Table], file: Path) -> None:
    table = pa.concat_tables(tables)
    texts = [field.name for field in table.schema if not _is_number(field)]
    arrays: dict[str, Any] = {name: table[name].to_pandas().to_numpy(str) for name in texts}
    numbers = table.drop_columns(texts)
    arrays["columns"] = np.array(numbers.column_names, str)
    arrays["values"] = _matrix(numbers)
    np.savez(file, **arrays)


def _is_number(field: pa.Field) -> bool:
    return pa.types.is_integer(field.type) or pa.types.is_floating(field.type)


@contextmanager
def _full_disk_told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise InputError(
            f"There is no room for {path}: {error.strerror}. Make room on the disk, or write "
            "elsewhere."
        ) from error
