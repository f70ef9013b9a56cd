"""Tables with named columns: the kind of each column is found from its cells."""

from abc import abstractmethod
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.config.data import DataConfig
from pipeline.data.category import category_names
from pipeline.data.cells import as_numbers, out_of_range
from pipeline.data.rows.memory import check_fits
from pipeline.data.source import Column, Source
from pipeline.data.sources.reader import Reader
from pipeline.data.sources.tables.cells import (
    EXACT,
    ColumnError,
    cells_of,
    number_cells,
    reports,
    rounding_notes,
    values_of,
)
from pipeline.data.sources.tables.columns import (
    check_there,
    check_unique,
    kind_of,
    target_and_features,
)
from pipeline.data.target import labels_of
from pipeline.errors import InputError, raise_all
from pipeline.tasks.labels import Labels


class TableReader(Reader):
    """A kind of file that holds a table: columns are matched by name."""

    @abstractmethod
    def table(self, path: Path, known: Collection[str]) -> pa.Table:
        """The table in the file, its cells as they are.

        `known` are the names of columns that a model reads, or nothing: where a file may lack a
        header they say what is one.

        Raises:
            InputError: for a damaged or empty file and for more than fits in memory.
        """

    def source(self, spec: str, config: DataConfig, scratch: Path | None) -> Source:
        """The source for a run, in memory; columns that cannot be used are its `problems`."""
        path = Path(spec)
        table = self._read(path, ())
        labels, features = target_and_features(config, table.column_names, path.name)
        columns, cells, unusable = _columns(table, features, config, path.name)
        problems = reports(unusable)
        numbers = _numbers(cells, columns, path.name)
        bad = out_of_range(numbers)
        if bad.any():
            all_names = [column.name for column in columns if column.kind == "number"]
            names = [name for name, is_bad in zip(all_names, bad, strict=True) if is_bad]
            problems += _refusal(numbers[:, bad], names, path.name)
            columns = [column for column in columns if column.name not in names]
            numbers = numbers[:, ~bad]
        large = np.fmax.reduce(np.abs(numbers), axis=0, initial=0) >= EXACT
        numeric = [column.name for column in columns if column.kind == "number"]
        notes = [
            note
            for name, is_large in zip(numeric, large, strict=True)
            if is_large
            for note in rounding_notes(cells[name], name, path.name)
        ]
        label_cells = {name: cells_of(table[name], name, path.name) for name in labels}
        return Source(
            name=path.stem,
            origin=path.name,
            columns=tuple(columns),
            numbers=numbers,
            categories=_categories(cells, columns, path.name),
            test=None,
            image_shape=None,
            table=True,
            notes=tuple(notes),
            problems=tuple(problems),
            labels=labels_of_cells(label_cells, config, path.name),
        )

    def rows(self, spec: str, columns: tuple[Column, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Rows for inference; columns that the model does not read are ignored."""
        path = Path(spec)
        names = [column.name for column in columns]
        table = self._read(path, names)
        check_there(names, table.column_names, path.name)
        unusable, cells = [], {}
        for column in columns:
            try:
                cells[column.name] = cells_of(table[column.name], column.name, path.name)
                if column.kind == "number":
                    number_cells(cells[column.name], column.name, path.name)
            except ColumnError as problem:
                unusable.append(problem)
        raise_all(reports(unusable))
        numbers = _numbers(cells, columns, path.name)
        number_names = [column.name for column in columns if column.kind == "number"]
        return as_numbers(numbers, number_names, path.name), _categories(cells, columns, path.name)

    def _read(self, path: Path, known: Collection[str]) -> pa.Table:
        if path.is_file() and path.stat().st_size == 0:
            raise InputError(f"A file must not be empty. {path.name} has 0 bytes.")
        table = self.table(path, known)
        check_unique(table.column_names, path.name)
        if table.num_rows == 0:
            raise InputError(f"There must be rows. {path.name} has a header and no row below it.")
        return table


def labels_of_cells(labels: dict[str, pa.ChunkedArray], config: DataConfig, where: str) -> Labels:
    """The labels that the label columns' cells are: one column, or several that are named."""
    rows = len(next(iter(labels.values())))
    columns = [values_of(cells, where) for cells in labels.values()]
    if isinstance(config.label, str):
        column = f"Column {config.label!r} of {where}"
        return labels_of(columns[0], rows, config.unlabelled, column)
    names = np.column_stack([category_names(column) for column in columns])
    return labels_of(names, rows, config.unlabelled, f"The label columns of {where}", tuple(labels))


def _columns(
    table: pa.Table, features: list[str], config: DataConfig, where: str
) -> tuple[list[Column], dict[str, pa.ChunkedArray], list[ColumnError]]:
    """The columns that can be used, their cells, and why the others cannot."""
    columns, cells, unusable = [], {}, []
    for name in features:
        try:
            cells[name] = cells_of(table[name], name, where)
            categorical = name in config.categorical
            kind = "category" if categorical else kind_of(cells[name], name, where)
            columns.append(Column(name, kind))
        except ColumnError as problem:
            unusable.append(problem)
    return columns, cells, unusable


def _numbers(
    cells: dict[str, pa.ChunkedArray], columns: Collection[Column], where: str
) -> np.ndarray:
    """float64 (rows, number columns)."""
    names = [column.name for column in columns if column.kind == "number"]
    rows = len(next(iter(cells.values()))) if cells else 0
    numbers = np.empty((rows, len(names)))
    for position, name in enumerate(names):
        numbers[:, position] = number_cells(cells[name], name, where)
    return numbers


def _categories(
    cells: dict[str, pa.ChunkedArray], columns: Collection[Column], where: str
) -> np.ndarray:
    """Unicode (rows, category columns)."""
    rows = len(next(iter(cells.values()))) if cells else 0
    categories = [
        category_names(values_of(cells[column.name], where))
        for column in columns
        if column.kind == "category"
    ]
    widest = max((column.dtype.itemsize for column in categories), default=0)
    check_fits(rows * len(categories), widest, where)  # side by side all are as wide
    return np.column_stack(categories) if categories else np.empty((rows, 0), "<U1")


def _refusal(numbers: np.ndarray, names: list[str], where: str) -> list[str]:
    """Why numbers that are out of range cannot be used."""
    try:
        as_numbers(numbers, names, where)
    except InputError as problem:
        return list(problem.problems)
    return []
