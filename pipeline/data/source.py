"""What every reader returns: the rows of a source as read, neither split nor scaled."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import pyarrow as pa

from pipeline.data.cells import check_finite
from pipeline.data.rows.streamed import Rows, StreamedRows, blocks_of
from pipeline.tasks.labels import Labels
from pipeline.tasks.task import Task

Kind = Literal["number", "boolean", "date", "category"]


class Column(NamedTuple):
    """A feature column: its name, what it holds, and how its cells are written.

    `form` is "," for numbers with a decimal comma, and the form of dates; "" for what is plain.
    `unit` is what stands beside numbers, as kg, and is no part of them.
    """

    name: str
    kind: Kind
    form: str = ""
    unit: str = ""

    @property
    def is_category(self) -> bool:
        """Whether its values are text; those of all other kinds are numbers."""
        return self.kind == "category"

    @property
    def is_plain_number(self) -> bool:
        """Whether its cells are numbers as programs write them."""
        return self.kind == "number" and self.form in ("", ".") and not self.unit


class LookedAt(NamedTuple):
    """What was decided about a column of a table.

    Attributes:
        name: the column's.
        kind: what it is taken for, or what a column that is left out is: identifier, constant, ...
        used: whether it is a feature.
        why: a phrase for people; "" where there is nothing to say.
    """

    name: str
    kind: str
    used: bool
    why: str


class Roles(NamedTuple):
    """What columns that are no features say of each row, (rows,); None where there is none.

    Attributes:
        part: unicode, whether it is for training, validation or testing.
        group: unicode, which rows are of one thing; "" where a row is of none.
        time: float64, when it was: seconds, or any number; NaN where that is not known.
        weight: float64, how much it counts; NaN where that is not known.
    """

    part: np.ndarray | None = None
    group: np.ndarray | None = None
    time: np.ndarray | None = None
    weight: np.ndarray | None = None


NO_ROLES = Roles()


class RawRows(NamedTuple):
    """Rows for inference.

    Attributes:
        numbers: (rows, number columns), as `Source` has them.
        categories: unicode (rows, category columns).
        notes: what was decided in reading, for people.
        kept: the columns that are handed through.
    """

    numbers: np.ndarray
    categories: np.ndarray
    notes: tuple[str, ...] = ()
    kept: pa.Table | None = None


class Layout(NamedTuple):
    """How a table was written from which a model learned: rows for it are read in the same way.

    Attributes:
        names: of all columns in the order of the file, the target's among them.
        labels: of the columns that are the target.
        named: whether the file itself names its columns.
        missing_values: cells that mean a missing value, besides empty ones.
        sheet: of a spreadsheet, where it had to be named.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    named: bool
    missing_values: tuple[str, ...]
    sheet: str | None = None

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """What JSON made of a layout as a dictionary, as it was."""
        lists = ("names", "labels", "missing_values")
        return cls(**{**content, **{name: tuple(content[name]) for name in lists}})


class Wanted(NamedTuple):
    """What is wanted of rows for inference.

    Attributes:
        columns: those that the model reads.
        layout: of the table that it learned from, if that was a table.
        keep: names or numbers of columns of the file that are handed through as they are.
        beside: the rows that they are put behind, for people; "" where a model is applied to them.
    """

    columns: tuple[Column, ...]
    layout: Layout | None = None
    keep: tuple[str, ...] = ()
    beside: str = ""

    @property
    def orders(self) -> list[tuple[str, ...]]:
        """The names of rows that have none: as in the table of training, or those of `columns`.

        The target's column may be there or not.
        """
        orders = [tuple(column.name for column in self.columns)]
        if self.layout:
            labels = self.layout.labels
            features = tuple(name for name in self.layout.names if name not in labels)
            orders = [self.layout.names, features, *orders]
        return list(dict.fromkeys(orders))

    def positions(self, width: int) -> list[int] | None:
        """Where the columns are in rows without names, of this width; None where none has it."""
        for order in self.orders:
            if len(order) == width:
                return [order.index(column.name) for column in self.columns]
        return None


@dataclass(frozen=True, eq=False)
class Source:
    """The rows of one file, folder or built-in name.

    Attributes:
        name: short, for people: a file's stem or a built-in name.
        origin: where the rows come from, for the record.
        columns: the feature columns in the order of the file.
        numbers: (rows, number columns) in column order, in memory or on disk, float64 or of the
            source's own type; NaN is missing, none is infinite (on disk: see `number_blocks`).
        categories: unicode (rows, category columns) in column order; "" is missing.
        test: bool (rows,), true where the source itself says that a row is for testing, or None.
        image_shape: (height, width[, channels]) where rows were images and all columns are kept.
        table: whether columns have names of their own (.csv, .parquet).
        looked_at: of a table, what was decided about each column but the target's.
        notes: what was lost when it was read, for people.
        problems: why some of its columns cannot be used; those are left out.
        labels: as they were read, or None.
        task: what the labels are for, once that is known (`target.with_target`).
        target: what the task makes of the labels; None: no target at all.
        layout: of a table.
        roles: what columns that are no features say of the rows.
        noisy: the same rows with their noise, where there is a source of them.
    """

    name: str
    origin: str
    columns: tuple[Column, ...]
    numbers: Rows
    categories: np.ndarray
    test: np.ndarray | None
    image_shape: tuple[int, ...] | None
    table: bool
    looked_at: tuple[LookedAt, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    labels: Labels | None = None
    task: Task | None = None
    target: np.ndarray | None = None
    layout: Layout | None = None
    roles: Roles = NO_ROLES
    noisy: RawRows | None = None

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.numbers)

    def number_blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """All numbers in parts that fit in memory, each with the number of rows before it.

        Raises:
            InputError: for infinite values on disk; in memory there are none.
        """
        if not isinstance(self.numbers, StreamedRows):
            yield 0, self.numbers
            return
        for start, block in blocks_of(self.numbers):
            check_finite(block, self.number_names, self.name, start)
            yield start, block

    @property
    def number_names(self) -> tuple[str, ...]:
        """The names of the number columns."""
        return tuple(column.name for column in self.columns if not column.is_category)

    @property
    def category_names(self) -> tuple[str, ...]:
        """The names of the category columns."""
        return tuple(column.name for column in self.columns if column.is_category)

    @property
    def labelled(self) -> np.ndarray:
        """bool (rows,): which rows have a label."""
        if self.task is None or self.target is None:
            return np.zeros(self.rows, bool)
        return self.task.labelled(self.target)

    @property
    def label_columns(self) -> tuple[str, ...]:
        """What several labels are called; empty where a row has one."""
        return self.labels.columns if self.labels else ()
