"""From columns to features and back: one description, which NumPy and TensorFlow follow."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from pipeline.data.cells import listed
from pipeline.data.features.operations import NUMPY, Operations
from pipeline.data.features.pieces import NO_PIECES, Pieces
from pipeline.data.features.quantiles import NO_QUANTILES, Quantiles
from pipeline.data.rows.aligned import aligned_empty
from pipeline.data.rows.streamed import StreamedRows, blocks_of
from pipeline.data.source import Column, Source
from pipeline.errors import InputError

CHUNK_VALUES = 2**16
"""Numbers that NumPy scales at a time: their float64 copies stay in the processor's cache."""


class Cycle(NamedTuple):
    """A part of a date that comes again: sine and cosine of where in it the date lies."""

    position: int
    """Of the date among the columns of numbers."""
    name: str
    """day, week or year."""
    seconds: float


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """What features are made of columns: in float64, then as float32.

    In this order: (number - offset) / scale of every column but categories, or what its quantiles
    make of it, its missing values filled; 1 where a value is missing, for columns that miss many;
    sine and cosine of each cycle of a date; a one-hot vector for each category column; the pieces
    of numbers.

    In float32 the numbers themselves would lose what is small beside a large offset: milliseconds
    beside the years since 1970.

    Attributes:
        columns: in the order of the source.
        fill: float64 (number columns,), what a missing number becomes; NaN where it is refused.
        offset: float64 (number columns,).
        scale: float64 (number columns,), never 0.
        indicated: positions of the number columns that have an indicator.
        cycles: of the dates.
        quantiles: of the number columns that go through them.
        pieces: of the number columns that have any.
        vocabularies: for each category column the known values in sorted order.
        refuses_missing: whether a row must have every value; one that lacks any is NaN.
    """

    columns: tuple[Column, ...]
    fill: np.ndarray
    offset: np.ndarray
    scale: np.ndarray
    vocabularies: tuple[tuple[str, ...], ...]
    refuses_missing: bool
    indicated: tuple[int, ...] = ()
    cycles: tuple[Cycle, ...] = ()
    quantiles: Quantiles = NO_QUANTILES
    pieces: Pieces = NO_PIECES

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Columns, "COLUMN is missing", "COLUMN, sine of the day", and "COLUMN=VALUE"."""
        numbers = [column.name for column in self.columns if not column.is_category]
        categories = [column.name for column in self.columns if column.is_category]
        return (
            *numbers,
            *(f"{numbers[position]} is missing" for position in self.indicated),
            *(
                f"{numbers[cycle.position]}, {part} of the {cycle.name}"
                for cycle in self.cycles
                for part in ("sine", "cosine")
            ),
            *(
                f"{name}={value}"
                for name, vocabulary in zip(categories, self.vocabularies, strict=True)
                for value in vocabulary
            ),
            *(
                f"{numbers[column]}, piece {piece} of {of}"
                for column, piece, of in self.pieces.numbered
            ),
        )

    @property
    def named_features(self) -> tuple[tuple[str, str], ...]:
        """Of each feature the name of its column and its own: together they are unlike all others.

        A column of numbers may be called as the category of another column is: "garden=west".
        """
        names = self.ordered_names
        columns = [names[position] for position in self.column_of_features]
        return tuple(zip(columns, self.feature_names, strict=True))

    @property
    def original_names(self) -> tuple[str, ...]:
        """Of what `originals` gives: all but pieces, which say again what a number says."""
        names = self.feature_names
        return names[: len(names) - len(self.pieces.positions)]

    @property
    def ordered_names(self) -> tuple[str, ...]:
        """The columns of numbers, then those of categories, as `column_of_features` counts them."""
        numbers = [column.name for column in self.columns if not column.is_category]
        return *numbers, *(column.name for column in self.columns if column.is_category)

    @property
    def column_of_features(self) -> tuple[int, ...]:
        """Which column each feature is of: those of numbers first, then categories, from 0."""
        numbers = len(self.offset)
        return (
            *range(numbers),
            *self.indicated,
            *(cycle.position for cycle in self.cycles for _ in ("sine", "cosine")),
            *(
                numbers + category
                for category, vocabulary in enumerate(self.vocabularies)
                for _ in vocabulary
            ),
            *self.pieces.positions.tolist(),
        )

    @property
    def features_of_categories(self) -> tuple[range, ...]:
        """Positions of the features that are each category column's one-hot vector."""
        ends = np.cumsum([len(vocabulary) for vocabulary in self.vocabularies])
        first = len(self.offset) + len(self.indicated) + 2 * len(self.cycles)
        return tuple(
            range(first + end - len(vocabulary), first + end)
            for end, vocabulary in zip(ends.tolist(), self.vocabularies, strict=True)
        )

    def features(self, numbers: Any, categories: Any, library: Operations) -> Any:
        """The features of rows, float32 (rows, features), as arrays of the given library.

        `numbers` (rows, number columns) of any type, `categories` text (rows, category columns).
        A category that no training row has is zero in all values of its column.
        """
        parts = [self.scaled(numbers, library)] if len(self.offset) else []
        for position in self.indicated:
            missing = library.is_nan(numbers[:, position, None])
            parts.append(library.cast(missing, "float32"))
        for cycle in self.cycles:
            parts += self._circle(cycle, numbers[:, cycle.position, None], library)
        for column, vocabulary in enumerate(self.vocabularies):
            values = categories[:, column, None]
            onehot = library.cast(values == np.array(vocabulary), "float32")
            if self.refuses_missing:
                onehot = library.where(values == "", np.float32(np.nan), onehot)
            parts.append(onehot)
        if len(self.pieces.positions):
            passed = self.pieces.passed(self.exactly_scaled(numbers, library), library)
            parts.append(library.cast(passed, "float32"))
        return library.concat(parts, 1)

    def _circle(self, cycle: Cycle, seconds: Any, library: Operations) -> list[Any]:
        filled = library.where(library.is_nan(seconds), self.fill[cycle.position], seconds)
        angle = library.cast(filled, "float64") % cycle.seconds * (2 * np.pi / cycle.seconds)
        return [library.cast(part, "float32") for part in (library.sin(angle), library.cos(angle))]

    def scaled(self, numbers: Any, library: Operations) -> Any:
        """The features of numbers alone, float32 (rows, number columns)."""
        return library.cast(self.exactly_scaled(numbers, library), "float32")

    def exactly_scaled(self, numbers: Any, library: Operations) -> Any:
        """The same in float64."""
        return self._scaled(library.where(library.is_nan(numbers), self.fill, numbers), library)

    def _scaled(self, filled: Any, library: Operations) -> Any:
        return self._with_quantiles(
            filled, (filled - self.offset) / self.scale, self.quantiles.applied, library
        )

    def originals(self, features: Any, library: Operations) -> Any:
        """Numbers in their own units and all else as it is, float64, named by `original_names`."""
        width = len(self.offset)
        exact = library.cast(features[:, : len(self.original_names)], "float64")
        scaled = exact[:, :width]
        numbers = self._with_quantiles(
            scaled, scaled * self.scale + self.offset, self.quantiles.undone, library
        )
        return library.concat([numbers, exact[:, width:]], 1)

    def scaled_again(self, originals: np.ndarray) -> np.ndarray:
        """The features of `originals`, pieces left out, float64."""
        width = len(self.offset)
        return np.concatenate([self._scaled(originals[:, :width], NUMPY), originals[:, width:]], 1)

    def _with_quantiles(
        self, given: Any, others: Any, through: Callable[..., Any], library: Operations
    ) -> Any:
        """`others` (rows, number columns); where a column has quantiles, `given` through these."""
        positions = self.quantiles.positions
        if not len(positions):
            return others
        bent = through(library.columns(given, positions), self.scale[positions], library)
        order = np.arange(len(self.scale))
        order[positions] = len(order) + np.arange(len(positions))
        return library.columns(library.concat([others, bent], 1), order)

    def apply(self, numbers: np.ndarray, categories: np.ndarray) -> np.ndarray:
        """The features of rows by NumPy, as `features` describes them.

        Raises:
            InputError: for a missing value where missing values were refused in training.
        """
        if self.refuses_missing:
            need_every_value(self.columns, [(numbers, categories)])
        width = len(self.feature_names)
        rows = max(1, CHUNK_VALUES // max(1, width))
        result = aligned_empty((len(numbers), width), np.dtype(np.float32))
        with np.errstate(over="ignore"):  # a number far from those of training is infinite
            for start in range(0, len(numbers), rows):
                chunk = slice(start, start + rows)
                result[chunk] = self.features(numbers[chunk], categories[chunk], NUMPY)
        return result

    def blocks(self, source: Source) -> Iterator[np.ndarray]:
        """The features of all rows of a source, block by block. Raises as `apply`."""
        for start, numbers in blocks_of(source.numbers):
            yield self.apply(numbers, source.categories[start : start + len(numbers)])

    def of_numbers(self, numbers: StreamedRows) -> StreamedRows:
        """The features of rows on disk, all of them numbers."""
        return numbers.changed(
            lambda rows: self.apply(rows, np.empty((len(rows), 0), "<U1")), len(self.feature_names)
        )

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form; float64 values survive the round trip exactly."""
        return {
            "columns": [list(column) for column in self.columns],
            "fill": [None if np.isnan(value) else float(value) for value in self.fill],
            "offset": self.offset.tolist(),
            "scale": self.scale.tolist(),
            "vocabularies": [list(vocabulary) for vocabulary in self.vocabularies],
            "refuses_missing": self.refuses_missing,
            "indicated": list(self.indicated),
            "cycles": [list(cycle) for cycle in self.cycles],
            "quantiles": self.quantiles.to_json(),
            "pieces": self.pieces.to_json(),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """What `to_json` gave, as it was."""
        return cls(
            columns=tuple(Column(*column) for column in content["columns"]),
            fill=np.array(content["fill"], dtype=np.float64),
            offset=np.array(content["offset"], dtype=np.float64),
            scale=np.array(content["scale"], dtype=np.float64),
            vocabularies=tuple(tuple(vocabulary) for vocabulary in content["vocabularies"]),
            refuses_missing=content["refuses_missing"],
            indicated=tuple(content["indicated"]),
            cycles=tuple(Cycle(*cycle) for cycle in content["cycles"]),
            quantiles=Quantiles.from_json(content["quantiles"]),
            pieces=Pieces.from_json(content["pieces"]),
        )


def need_every_value(
    columns: Sequence[Column], blocks: Iterable[tuple[np.ndarray, np.ndarray]]
) -> None:
    """Raise `InputError` where a value of rows with these columns is missing.

    `blocks`: all rows one after the other, as numbers and categories.
    """
    names = [[c.name for c in columns if c.is_category is category] for category in (False, True)]
    counts, first_rows = ([np.zeros(len(of), np.int64) for of in names] for _ in range(2))
    rows = 0
    for numbers, categories in blocks:
        for part, missing in enumerate((np.isnan(numbers), categories == "")):
            new = missing.any(axis=0) & (counts[part] == 0)
            first_rows[part][new] = rows + missing.argmax(axis=0)[new]
            counts[part] += missing.sum(axis=0)
        rows += len(numbers)
    parts = zip(counts, first_rows, names, strict=True)
    told = [listed(count, first, rows, of) for count, first, of in parts if count.any()]
    if told:
        raise InputError(
            "The model was trained with data.missing: refuse, so that rows must have every "
            f"value. Missing in {' and in '.join(told)}. "
            "Complete the rows, or train with data.missing: impute."
        )
