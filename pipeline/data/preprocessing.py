"""From columns to features and back: one description, which NumPy and TensorFlow follow."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from pipeline.data.cells import located
from pipeline.data.rows.aligned import aligned_empty
from pipeline.data.rows.streamed import StreamedRows, blocks_of
from pipeline.data.source import Column, Source
from pipeline.errors import InputError

CHUNK_VALUES = 2**16
"""Numbers that NumPy scales at a time: their float64 copies stay in the processor's cache."""


class Operations(NamedTuple):
    """What the description needs of an array library."""

    is_nan: Callable[[Any], Any]
    where: Callable[[Any, Any, Any], Any]
    cast: Callable[[Any, str], Any]
    concat: Callable[[Sequence[Any], int], Any]


NUMPY = Operations(np.isnan, np.where, lambda array, dtype: array.astype(dtype), np.concatenate)


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """features = [(number - offset) / scale, one-hot(category)]: in float64, then as float32.

    In float32 the numbers themselves would lose what is small beside a large offset: milliseconds
    beside the years since 1970.

    Attributes:
        columns: in the order of the source.
        fill: float64 (number columns,), what a missing number becomes; NaN where it is refused.
        offset: float64 (number columns,).
        scale: float64 (number columns,), never 0.
        vocabularies: for each category column the known values in sorted order.
        refuses_missing: whether a row must have every value; one that lacks any is NaN.
    """

    columns: tuple[Column, ...]
    fill: np.ndarray
    offset: np.ndarray
    scale: np.ndarray
    vocabularies: tuple[tuple[str, ...], ...]
    refuses_missing: bool

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The number columns, then "column=value" for each value of each category column."""
        values = (
            f"{name}={value}"
            for name, vocabulary in zip(
                names_of(self.columns, "category"), self.vocabularies, strict=True
            )
            for value in vocabulary
        )
        return (*names_of(self.columns, "number"), *values)

    def features(self, numbers: Any, categories: Any, library: Operations) -> Any:
        """The features of rows, float32 (rows, features), as arrays of the given library.

        `numbers` (rows, number columns) of any type, `categories` text (rows, category columns).
        A category that no training row has is zero in all values of its column.
        """
        parts = [self.scaled(numbers, library)] if len(self.offset) else []
        for column, vocabulary in enumerate(self.vocabularies):
            values = categories[:, column, None]
            onehot = library.cast(values == np.array(vocabulary), "float32")
            if self.refuses_missing:
                onehot = library.where(values == "", np.float32(np.nan), onehot)
            parts.append(onehot)
        return library.concat(parts, 1)

    def scaled(self, numbers: Any, library: Operations) -> Any:
        """The features of numbers alone, float32 (rows, number columns)."""
        filled = library.where(library.is_nan(numbers), self.fill, numbers)
        return library.cast((filled - self.offset) / self.scale, "float32")

    def originals(self, features: Any, library: Operations) -> Any:
        """Numbers in their own units and the share of each category, float64 (rows, features)."""
        width = len(self.offset)
        exact = library.cast(features, "float64")
        numbers = exact[:, :width] * self.scale + self.offset
        return library.concat([numbers, exact[:, width:]], 1)

    def apply(self, numbers: np.ndarray, categories: np.ndarray) -> np.ndarray:
        """The features of rows by NumPy, as `features` describes them.

        Raises:
            InputError: for a missing value where missing values were refused in training.
        """
        if self.refuses_missing:
            need_every_value(self.columns, numbers, categories)
        width = len(self.offset) + sum(map(len, self.vocabularies))
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
            lambda rows: self.apply(rows, np.empty((len(rows), 0), "<U1")), len(self.columns)
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
        )


def need_every_value(
    columns: Sequence[Column], numbers: np.ndarray, categories: np.ndarray
) -> None:
    """Raise `InputError` where a value of rows with these columns is missing."""
    missing = [
        located(is_missing, names_of(columns, kind))
        for kind, is_missing in (("number", np.isnan(numbers)), ("category", categories == ""))
        if is_missing.any()
    ]
    if missing:
        raise InputError(
            "The model was trained with data.missing: refuse, so that rows must have every "
            f"value. Missing in {' and in '.join(missing)}. "
            "Complete the rows, or train with data.missing: impute."
        )


def names_of(columns: Sequence[Column], kind: str) -> list[str]:
    """The names of the columns of one kind."""
    return [column.name for column in columns if column.kind == kind]
