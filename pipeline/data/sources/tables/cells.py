"""The cells of an open table as arrays: numbers in memory or on disk, text in memory."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.data import DataConfig
from pipeline.config.reading import Reading
from pipeline.data.category import category_names
from pipeline.data.rows.memory import check_fits
from pipeline.data.rows.streamed import BLOCKS, Rows, StreamedRows, exceeds, write_rows
from pipeline.data.source import Column
from pipeline.data.sources.arrays_folder import ROWS
from pipeline.data.sources.tables import sql, units
from pipeline.data.sources.tables.opening.open_table import OpenTable
from pipeline.data.sources.tables.opening.plain import room_in
from pipeline.data.sources.tables.opening.types import CLASSES
from pipeline.data.sources.tables.survey import Survey
from pipeline.errors import InputError

BYTES = 32
"""Of a cell while it is read: DuckDB and PyArrow keep what they read ahead."""
AT_ONCE = 100_000
"""Rows that are read at a time, at most."""
CACHED = 1_000
"""Rows that are turned from columns into rows at a time."""
LISTED = 30


def read_cells(
    table: OpenTable,
    columns: Mapping[int, Column],
    found: Mapping[int, Survey],
    labels: Mapping[int, str | None],
    config: DataConfig,
    scratch: Path | None,
    more: Mapping[str, str],
) -> tuple[Rows, pa.Table]:
    """Numbers float64 (rows, number columns), and categories and labels as text: t0, l0, ...

    `labels`: the decimal mark of each column of the target whose numbers are not plain, else None.
    Beside them stand `more` cells, SQL by name.
    Numbers that exceed data.memory are in a file in the folder `scratch`, if there is one.
    """
    markers = ("", *config.missing_values)
    numeric = [n for n, column in columns.items() if not column.is_category]
    textual = [n for n, column in columns.items() if column.is_category]
    wanted = {f"n{n}": number_of(table, n, columns[n], found.get(n), markers) for n in numeric}
    wanted |= {f"t{n}": sql.text(n, table.types[n], markers) for n in textual}
    wanted |= {
        f"l{n}": _label(table, n, mark, found.get(n), label_markers(config))
        for n, mark in labels.items()
    }
    wanted |= more
    rows = table.number_of_rows
    on_disk = scratch is not None and exceeds(rows, len(columns), config.memory_bytes)
    if on_disk and textual:
        names = ", ".join(repr(columns[n].name) for n in textual[:LISTED])
        raise InputError(
            "Rows that stay on disk have columns of numbers alone. "
            f"{table.where}, whose rows need more than data.memory: {config.memory:g}, has "
            f"categories: {names}. Raise data.memory, or leave these columns out with data.ignore."
        )
    check_fits(rows * (len(wanted) - len(numeric) if on_disk else len(columns)), 8, table.where)
    needed = rows * len(numeric) * np.dtype(np.float64).itemsize
    if scratch and on_disk and needed > (room := room_in(scratch)):
        raise InputError(
            f"Rows that stay on disk must fit there. {table.where} needs {needed / 2**30:,.1f} "
            f"GiB; half of what is free in {scratch} is {room / 2**30:,.1f} GiB. Make room, or "
            "give fewer rows or columns."
        )
    others: list[pa.RecordBatch] = []

    def blocks() -> Iterator[np.ndarray]:
        at_once = config.memory_bytes // BLOCKS // (max(1, len(wanted)) * BYTES)
        done = 0
        for batch in table.batches(wanted, max(1, min(at_once, AT_ONCE))):
            done += batch.num_rows
            if done > rows:
                break
            others.append(batch.select([name for name in wanted if name[0] != "n"]))
            yield by_rows([batch.column(f"n{n}") for n in numeric], batch.num_rows)
        if done != rows:
            raise InputError(
                f"{table.where} cannot be read: {rows} rows were counted, and others were found. "
                "It is damaged, or changed meanwhile."
            )

    numbers: Rows
    if on_disk:
        assert scratch
        write_rows(scratch / ROWS, blocks())
        numbers = StreamedRows(scratch / ROWS, config.memory_bytes)
    else:
        numbers = np.empty((rows, len(numeric)))
        done = 0
        for block in blocks():
            numbers[done : done + len(block)] = block
            done += len(block)
    return numbers, pa.Table.from_batches(others)


def by_rows(columns: Sequence[pa.Array | pa.ChunkedArray], rows: int) -> np.ndarray:
    """Columns of DOUBLE as float64 (rows, columns), NaN where NULL."""
    found = [pc.fill_null(column, np.nan).to_numpy(zero_copy_only=False) for column in columns]
    block = np.empty((rows, len(found)))
    # A part of all columns stays in the processor's cache while it is turned round.
    for start in range(0, rows, CACHED):
        part = slice(start, start + CACHED)
        for place, column in enumerate(found):
            block[part, place] = column[part]
    return block


def number_of(
    table: OpenTable, n: int, column: Column, found: Survey | None, markers: Sequence[str]
) -> str:
    """SQL for a cell as DOUBLE, whatever its kind; NULL where it is missing or bad."""
    kind = table.types[n]
    if sql.is_number(kind) and column.kind == "number":
        return sql.not_marked(sql.typed_number(n), markers)
    if sql.is_date(kind):
        return sql.typed_moment(n, kind)
    if kind == "BOOLEAN":
        return f"c{n}::INTEGER::DOUBLE"
    text = sql.text(n, kind, markers)
    match column.kind:
        case "boolean":
            return sql.boolean(text)
        case "date":
            return sql.moment(text, column.form)
        case _ if found and found.all_plain and not (found.units.unit or column.form):
            # What is missing is no number, or NaN.
            return sql.not_marked(f"TRY_CAST(c{n} AS DOUBLE)", markers)
        case _:
            return sql.not_marked(units.number(text, column.form or ".", column.unit), markers)


def label_markers(config: DataConfig) -> tuple[str, ...]:
    """What means that a row has no label: a number that the config adds may be a class, as 0 is."""
    default = Reading.model_fields["missing_values"].default
    known = [m for m in config.missing_values if m in default and m not in CLASSES]
    return ("", "nan", *known)


def _label(
    table: OpenTable, n: int, mark: str | None, found: Survey | None, markers: Sequence[str]
) -> str:
    """SQL for a label as text; numbers as people write them are written as programs do."""
    text = sql.text(n, table.types[n], markers)
    if not mark or not found:
        return text
    return f"CAST({units.number(text, mark, found.units.unit)} AS VARCHAR)"


def categories_of(texts: pa.Table, columns: Mapping[int, Column], where: str) -> np.ndarray:
    """Unicode (rows, category columns)."""
    found = [
        category_names(texts_of(texts[f"t{n}"], where))
        for n, column in columns.items()
        if column.is_category
    ]
    widest = max((column.dtype.itemsize for column in found), default=0)
    check_fits(texts.num_rows * len(found), widest, where)  # side by side all are as wide
    return np.column_stack(found) if found else np.empty((texts.num_rows, 0), "<U1")


def texts_of(column: pa.ChunkedArray, where: str) -> np.ndarray:
    """Unicode (rows,), "" where missing."""
    longest = pc.max(pc.utf8_length(column)).as_py() or 0
    check_fits(len(column) * longest, 1, where)  # four bytes a character
    return pc.fill_null(column, "").to_numpy().astype(str)
