"""Rows of an open table for inference, block by block, and what is to be told of them."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.data import DataConfig
from pipeline.data.source import Layout, RawRows, Wanted
from pipeline.data.sources.open_rows import OpenRows
from pipeline.data.sources.tables import sql
from pipeline.data.sources.tables.cells import by_rows, categories_of, number_of
from pipeline.data.sources.tables.columns import column_of, found_of, positions_of
from pipeline.data.sources.tables.notes import extra_notes, unread_notes
from pipeline.data.sources.tables.opening.open_table import OpenTable
from pipeline.data.sources.tables.survey import survey
from pipeline.errors import InputError


class TableRows(OpenRows):
    """Rows of a table, whose columns are matched by name; in a file without names by position.

    Arguments:
      table: that has rows.
      wanted: what is wanted of them.
      missing_values: cells that mean a missing value, besides empty ones.

    Raises:
        InputError: for all columns that are not there.
    """

    def __init__(self, table: OpenTable, wanted: Wanted, missing_values: Sequence[str]):
        self.where = table.where
        self.rows = table.number_of_rows
        self._table = table
        self._wanted = wanted
        self._markers = ("", *missing_values)
        self._columns = positions_of(wanted, table.names, table.named, table.where)
        keep = [column_of(name, table.names, "--keep", table.where) for name in wanted.keep]
        self._keep = [*dict.fromkeys(keep)]
        self._numeric = [n for n, column in self._columns.items() if not column.is_category]
        self._numbers = [n for n in self._numeric if sql.is_number(table.types[n])]
        texts = [n for n in self._numeric if sql.is_text(table.types[n])]
        self._found = survey(table, texts, self._markers)
        self._unread: dict[int, int] = {}
        self._read: dict[int, int] = {}

    def blocks(self, size: int) -> Iterator[RawRows]:
        """So many rows at a time."""
        table, done = self._table, 0
        self._read = dict.fromkeys(self._numeric, 0)
        self._unread = dict.fromkeys(self._numbers, 0)
        for cells in _of_size(table.batches(self._cells(), size), size):
            done += cells.num_rows
            numbers = by_rows([cells[f"n{n}"] for n in self._numeric], cells.num_rows)
            for n, column in zip(self._numeric, numbers.T, strict=True):
                self._read[n] += int(np.count_nonzero(~np.isnan(column)))
            for n in self._numbers:
                self._unread[n] += pc.sum(cells[f"u{n}"]).as_py() or 0
            categories = categories_of(cells, self._columns, table.where)
            yield RawRows(numbers, categories, kept=self._kept(cells))
        if done != self.rows:
            raise InputError(
                f"{table.where} cannot be read: {self.rows} rows were counted, and others were "
                "found. It is damaged, or changed meanwhile."
            )

    def notes(self) -> tuple[str, ...]:
        """Of lines that are no rows, columns that are not read, and cells that cannot be."""
        bad = self._unread | {n: of.given - self._read[n] for n, of in self._found.items()}
        given = {n: self._read[n] + unread for n, unread in bad.items()}
        unread = {n: bad[n] for n in self._numeric if bad.get(n)}
        table, markers, beside = self._table, self._markers, self._wanted.beside
        return (
            *table.notes,
            *extra_notes(table, self._wanted),
            *unread_notes(table, self._columns, self._found, given, unread, markers, beside),
        )

    def _cells(self) -> dict[str, str]:
        """SQL for all that is wanted of a row.

        n0, ... numbers; u0, ... whether one is given and none that the model can read; t0, ...
        text; k0, ... what is kept.
        """
        table, markers = self._table, self._markers
        wanted = {
            f"n{n}": number_of(table, n, self._columns[n], self._found.get(n), markers)
            for n in self._numeric
        }
        wanted |= {
            f"u{n}": f"NOT isnan(c{n}::DOUBLE) AND ({wanted[f'n{n}']}) IS NULL"
            for n in self._numbers
        }
        wanted |= {
            f"t{n}": sql.text(n, table.types[n], markers)
            for n, column in self._columns.items()
            if column.is_category
        }
        return wanted | {f"k{n}": f"c{n}" for n in self._keep}

    def _kept(self, cells: pa.Table) -> pa.Table | None:
        """Columns as they are in the file, under their names."""
        if not self._keep:
            return None
        kept = cells.select([f"k{n}" for n in self._keep])
        return kept.rename_columns([self._table.names[n] for n in self._keep])


def texts_for(wanted: Wanted, names: Sequence[str]) -> set[int]:
    """The columns of a file whose cells are needed as they are written: all but numbers."""
    if not {column.name for column in wanted.columns} <= set(names):
        return set(range(len(names)))  # they are matched by position
    written = [column.name for column in wanted.columns if column.kind != "number"]
    return found_of([*written, *wanted.keep], names)


def as_in_training(layout: Layout | None) -> DataConfig:
    """How rows for a model are read that learned from a table of this layout."""
    if layout is None:
        return DataConfig(bad_rows="skip")
    return DataConfig(
        bad_rows="skip",
        header="auto" if layout.named else False,
        sheet=layout.sheet,
        missing_values=layout.missing_values,
    )


def _of_size(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    """The same rows, so many at a time exactly but for the last."""
    held: list[pa.RecordBatch] = []
    lacking = size
    for batch in batches:
        while batch.num_rows >= lacking:
            yield pa.Table.from_batches([*held, batch.slice(0, lacking)])
            batch, held, lacking = batch.slice(lacking), [], size
        held.append(batch)
        lacking -= batch.num_rows
    if lacking < size:
        yield pa.Table.from_batches(held)
