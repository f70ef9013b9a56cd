"""A source from arrays in memory: checked, flattened, columns named x0, x1, ..."""

import re
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.config.data import NO_FEATURES, DataConfig
from pipeline.data.category import category_names
from pipeline.data.cells import as_numbers
from pipeline.data.rows.streamed import Rows
from pipeline.data.source import Column, RawRows, Source, Wanted
from pipeline.data.sources.open_rows import OpenRows
from pipeline.data.sources.reader import Reader
from pipeline.data.target import check_labels, labels_of
from pipeline.errors import InputError


class Arrays(NamedTuple):
    """What a file of arrays holds.

    Attributes:
        name: for people and messages.
        origin: where the rows come from.
        x: (rows, ...) numbers of any type.
        y: (rows,) labels of any type, or None.
        test: bool (rows,), the file's own test rows, or None.
    """

    name: str
    origin: str
    x: np.ndarray
    y: np.ndarray | None
    test: np.ndarray | None


class ArraysReader(Reader):
    """A kind of source that holds arrays: rows are matched by their width."""

    @abstractmethod
    def arrays(self, spec: str) -> Arrays:
        """The arrays of the source, in memory.

        Raises:
            InputError: for what is damaged and for more than fits in memory.
        """

    def source(self, spec: str, config: DataConfig, scratch: Path | None) -> Source:
        """The source for a run, in memory."""
        return source_of(self.arrays(spec), config)

    @contextmanager
    def opened(self, spec: str, wanted: Wanted) -> Iterator[OpenRows]:
        """Rows for inference; of a source with test rows of its own, these."""
        with self.matrix(spec) as (matrix, name):
            yield MatrixRows(matrix, wanted, name)

    @contextmanager
    def matrix(self, spec: str) -> Iterator[tuple[Rows, str]]:
        """The rows for inference (rows, features), here in memory, and the source's name.

        Raises:
            InputError: as for `arrays`, and for what are no rows.
        """
        arrays = self.arrays(spec)
        rows = flat(arrays.x, arrays.name)
        yield rows if arrays.test is None else rows[arrays.test], arrays.name


class MatrixRows(OpenRows):
    """Rows of a matrix, in memory or on disk, matched by their width.

    Raises:
        InputError: for another width than the model's.
    """

    def __init__(self, matrix: Rows, wanted: Wanted, where: str):
        self.where = where
        self.rows, width = matrix.shape
        positions = wanted.positions(width)
        if positions is None:
            widths = " or ".join(str(len(order)) for order in wanted.orders)
            as_in = f"of {wanted.beside}" if wanted.beside else "that the model was trained on"
            raise InputError(
                f"Rows must have the width {as_in}, {widths}. {where} has rows of width {width}. "
                "Give the same columns in the same order."
            )
        self._matrix = matrix
        self._positions = positions
        self._columns = wanted.columns

    def blocks(self, size: int) -> Iterator[RawRows]:
        """So many rows at a time."""
        for start in range(0, self.rows, size):
            block = self._matrix[start : start + size]
            if self._positions != list(range(block.shape[1])):
                block = block[:, self._positions]
            yield RawRows(*by_kind(block, self._columns, self.where, start))


def flat(x: np.ndarray, where: str) -> np.ndarray:
    """`x` as a matrix (rows, features).

    Raises:
        InputError: when `x` does not hold numbers, or holds none, or is not rows of features.
    """
    if x.dtype.kind not in "iufb":
        raise InputError(
            f"Rows must be numbers. {where} has an array of type {x.dtype}. Convert it, or store "
            "text columns in a .csv or .parquet file."
        )
    if x.ndim < 2:
        raise InputError(
            f"Rows must be an array of shape (rows, features) or (rows, height, width, ...). "
            f"{where} has shape {x.shape}. Reshape it."
        )
    if x.size == 0:
        raise InputError(f"There must be rows and features. {where} has shape {x.shape}.")
    return x.reshape(len(x), -1)


def stacked(
    train: tuple[np.ndarray, np.ndarray | None],
    test: tuple[np.ndarray, np.ndarray | None],
    where: str,
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Training and test (x, y) as one x, one y and the mask of test rows.

    Raises:
        InputError: when rows differ in shape, labels in length, or one part alone has labels.
    """
    (x, y), (x_test, y_test) = train, test
    flat(x, where)
    flat(x_test, where)
    if x.shape[1:] != x_test.shape[1:]:
        raise InputError(
            f"Training and test rows must have one shape. {where} has {x.shape[1:]} and "
            f"{x_test.shape[1:]}."
        )
    if (y is None) != (y_test is None):
        raise InputError(
            f"Training and test rows must both have labels, or neither. {where} has them for one "
            "part only. Add the other's, or leave the test rows out."
        )
    rows = np.concatenate([x, x_test])
    mask = np.arange(len(rows)) >= len(x)
    if y is None or y_test is None:
        return rows, None, mask
    for part, values, labels in (("training", x, y), ("test", x_test, y_test)):
        check_labels(labels, where)
        if labels.ndim not in (1, 2) or len(labels) != len(values):
            raise InputError(
                f"Every row needs its label. {where} has {len(values)} {part} rows and "
                f"{len(np.atleast_1d(labels))} labels. Make them equally many."
            )
    if y.ndim == y_test.ndim == 2 and y.shape[1] == y_test.shape[1]:
        return rows, np.concatenate([y, y_test]), mask
    return rows, np.concatenate([y.ravel(), y_test.ravel()]), mask


def source_of(arrays: Arrays, config: DataConfig) -> Source:
    """The source that `arrays` are, with data.ignore and data.categorical applied.

    Raises:
        InputError: for anything that cannot be rows or labels, and for unknown columns.
    """
    matrix = flat(arrays.x, arrays.name)
    columns = chosen_columns(config, matrix.shape[1], arrays.name)
    whole = all_numbers(columns, matrix.shape[1])
    chosen = matrix if whole else matrix[:, positions(columns)]
    numbers, categories = by_kind(chosen, columns, arrays.name)
    labels = None
    if arrays.y is not None:
        where = f"The array y of {arrays.name}"
        labels = labels_of(arrays.y, len(matrix), config.unlabelled, where)
    return Source(
        name=arrays.name,
        origin=arrays.origin,
        columns=columns,
        numbers=numbers,
        categories=categories,
        labels=labels,
        test=arrays.test,
        image_shape=arrays.x.shape[1:] if whole and arrays.x.ndim > 2 else None,
        table=False,
    )


def chosen_columns(config: DataConfig, width: int, where: str) -> tuple[Column, ...]:
    """The columns x0, x1, ... of a matrix that data.ignore leaves, as data.categorical has them.

    Raises:
        InputError: for unknown columns, for none that is left, and for data.label.
    """
    if config.label:
        raise InputError(
            "data.label names a column of a .csv or .parquet file. Given: "
            f"{config.label!r} with {where}, whose columns have no names of their own "
            "(an .npz file keeps the target in its array `y`). Remove data.label."
        )
    if named := [key for key in NO_FEATURES if getattr(config, key) is not None]:
        raise InputError(
            f"data.{named[0]} names a column of a table. The columns of {where} have no names of "
            "their own. Leave it out."
        )
    ignored = _positions(config.ignore, width, "data.ignore")
    categorical = _positions(config.categorical, width, "data.categorical")
    kept = [position for position in range(width) if position not in ignored]
    if not kept:
        raise InputError(f"A feature column must remain. data.ignore leaves none of {where}.")
    return tuple(Column(f"x{p}", "category" if p in categorical else "number") for p in kept)


def all_numbers(columns: tuple[Column, ...], width: int) -> bool:
    """Whether the columns are all `width` of a matrix, as numbers."""
    return len(columns) == width and all(not column.is_category for column in columns)


def positions(columns: tuple[Column, ...]) -> list[int]:
    """Which columns of a matrix x0, x1, ... are."""
    return [int(column.name[1:]) for column in columns]


def by_kind(
    matrix: np.ndarray, columns: tuple[Column, ...], where: str, rows_before: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The numbers and the categories of a matrix whose columns are `columns`.

    `rows_before`: those of the source that stand above, for messages.

    Raises:
        InputError: for infinite values.
    """
    if all(not column.is_category for column in columns):
        names = [column.name for column in columns]
        numbers = as_numbers(matrix, names, where, rows_before)
        return numbers, np.empty((len(matrix), 0), "<U1")
    is_number = np.array([not column.is_category for column in columns])
    names = [column.name for column in columns if not column.is_category]
    numbers = as_numbers(matrix[:, is_number], names, where, rows_before)
    return numbers, category_names(matrix[:, ~is_number])


def _positions(names: tuple[str, ...], width: int, key: str) -> set[int]:
    """The positions that column names x0, x1, ... stand for."""
    for name in names:
        if not re.fullmatch(r"x(0|[1-9]\d*)", name) or int(name[1:]) >= width:
            raise InputError(
                f"{key} must name columns of the data. Given: {name!r}. "
                f"Did you mean 'x{width - 1}'? Valid: x0 to x{width - 1}."
            )
    return {int(name[1:]) for name in names}
