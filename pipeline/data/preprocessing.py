"""From columns to features: impute, scale the numbers, one-hot the categories."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from pipeline.config.data import DataConfig
from pipeline.data.cells import located
from pipeline.data.rows.memory import check_fits
from pipeline.data.rows.streamed import ChosenRows, Rows, StreamedRows, at, blocks_of, moments
from pipeline.data.source import Column, Source
from pipeline.errors import InputError


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """features = [(number - offset) / scale, one-hot(category)], in float32.

    Attributes:
        columns: in the order of the source.
        fill: float32 (number columns,), what a missing number becomes; NaN where it is refused.
        offset: float32 (number columns,).
        scale: float32 (number columns,), never 0.
        vocabularies: for each category column the known values in sorted order.
    """

    columns: tuple[Column, ...]
    fill: np.ndarray
    offset: np.ndarray
    scale: np.ndarray
    vocabularies: tuple[tuple[str, ...], ...]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The number columns, then "column=value" for each value of each category column."""
        values = (
            f"{name}={value}"
            for name, vocabulary in zip(
                _names(self.columns, "category"), self.vocabularies, strict=True
            )
            for value in vocabulary
        )
        return (*_names(self.columns, "number"), *values)

    def apply(self, numbers: np.ndarray, categories: np.ndarray) -> np.ndarray:
        """The features of rows, float32 (rows, features).

        `numbers` is float32 (rows, number columns), `categories` unicode (rows, category columns).
        A category that no training row has is zero in all values of its column.

        Raises:
            InputError: for a missing number where missing values were refused in training.
        """
        missing = np.isnan(numbers)
        if np.isnan(self.fill).any():
            need_every_number(numbers, _names(self.columns, "number"))
        scaled = np.where(missing, self.fill, numbers)
        scaled -= self.offset
        scaled /= self.scale
        if not self.vocabularies:
            return scaled
        onehot = [
            categories[:, [position]] == np.array(vocabulary)
            for position, vocabulary in enumerate(self.vocabularies)
        ]
        return np.concatenate([scaled, *onehot], axis=1, dtype=np.float32)

    def blocks(self, source: Source) -> Iterator[np.ndarray]:
        """The features of all rows of a source, block by block. Raises as `apply`."""
        for start, numbers in blocks_of(source.numbers):
            yield self.apply(numbers, source.categories[start : start + len(numbers)])

    def of_numbers(self, numbers: StreamedRows) -> StreamedRows:
        """The features of rows on disk, all of them numbers."""
        none = np.empty((0, 0), "<U1")
        return numbers.changed(lambda rows: self.apply(rows, none), len(self.columns))

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form; float32 values survive the round trip exactly."""
        return {
            "columns": [list(column) for column in self.columns],
            "fill": [None if np.isnan(value) else float(value) for value in self.fill],
            "offset": self.offset.tolist(),
            "scale": self.scale.tolist(),
            "vocabularies": [list(vocabulary) for vocabulary in self.vocabularies],
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """What `to_json` gave, as it was."""
        return cls(
            columns=tuple(Column(*column) for column in content["columns"]),
            fill=np.array(content["fill"], dtype=np.float32),
            offset=np.array(content["offset"], dtype=np.float32),
            scale=np.array(content["scale"], dtype=np.float32),
            vocabularies=tuple(tuple(vocabulary) for vocabulary in content["vocabularies"]),
        )


def fit(source: Source, rows: np.ndarray, config: DataConfig) -> Preprocessing:
    """Fill, scale and vocabularies as the given rows, those of pretraining, have them.

    `rows` is int64, positions in the source; no other row has any influence.

    Raises:
        InputError: for missing values that are refused, in any row; for columns without a value or
            with only one value in the given rows; for more categories than fit in memory.
    """
    for start, block in source.number_blocks():
        if config.missing == "refuse":
            _refuse_missing(np.isnan(block), source.number_names, source.name, start)
    if config.missing == "refuse":
        _refuse_missing(source.categories == "", source.category_names, source.name)
    categories = source.categories[rows]
    fill = np.full(source.numbers.shape[1], np.nan, np.float32)
    numbers: Rows | ChosenRows
    if config.missing == "impute":
        to_fill = at(source.numbers, rows)
        fill = _medians(to_fill, source)
        numbers = _filled(to_fill, fill)
    elif isinstance(source.numbers, StreamedRows):
        numbers = source.numbers.at(rows)
    else:
        numbers = ChosenRows(source.numbers, rows)
    offset, scale = _scaling(numbers, source, config)
    vocabularies = tuple(
        tuple(str(value) for value in np.unique(column)) for column in categories.T
    )
    check_fits(source.rows * sum(map(len, vocabularies)), 4, f"{source.name}, one-hot,")
    return Preprocessing(source.columns, fill, offset, scale, vocabularies)


def need_every_number(numbers: np.ndarray, names: Sequence[str]) -> None:
    """Raise `InputError` where one of the numbers (rows, names) is missing."""
    missing = np.isnan(numbers)
    if missing.any():
        raise InputError(
            "The model was trained with data.missing: refuse, so that rows must have every "
            f"value. Missing in {located(missing, names)}. "
            "Complete the rows, or train with data.missing: impute."
        )


def _names(columns: tuple[Column, ...], kind: str) -> list[str]:
    return [column.name for column in columns if column.kind == kind]


def _refuse_missing(
    missing: np.ndarray, names: Sequence[str], where: str, rows_before: int = 0
) -> None:
    if missing.any():
        raise InputError(
            f"Values must not be missing. {where} misses values in "
            f"{located(missing, names, rows_before)}. Set data.missing: impute, or leave the "
            "column out with data.drop."
        )


def _filled(numbers: Rows, fill: np.ndarray) -> Rows:
    """The numbers with `fill` where they are missing."""

    def filled(rows: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(rows), fill, rows)

    if isinstance(numbers, StreamedRows):
        return numbers.changed(filled, numbers.shape[1])
    return filled(numbers)


def _medians(numbers: Rows, source: Source) -> np.ndarray:
    """float32 (number columns,): the median of the values that are there.

    Rows on disk are read as often as is needed to have some columns of all rows in memory.
    """
    if not isinstance(numbers, StreamedRows):
        return _medians_of(numbers, source.number_names, source.name)
    width = max(1, numbers.block_rows * numbers.shape[1] // len(numbers))
    medians = []
    for first in range(0, numbers.shape[1], width):
        columns = slice(first, first + width)
        values = np.concatenate([block[:, columns] for _, block in blocks_of(numbers)])
        medians.append(_medians_of(values, source.number_names[columns], source.name))
    return np.concatenate(medians)


def _medians_of(numbers: np.ndarray, names: Sequence[str], where: str) -> np.ndarray:
    empty = np.isnan(numbers).all(axis=0)
    if empty.any():
        raise InputError(
            "A missing number becomes the median of the training rows, which must have one. "
            f"{where} has none in {_listed(names, empty)}. "
            "Leave it out with data.drop."
        )
    return np.nanmedian(numbers, axis=0).astype(np.float32)


def _scaling(
    numbers: Rows | ChosenRows, source: Source, config: DataConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Offset and scale, float32 (number columns,), of numbers none of which is missing."""
    width = numbers.shape[1]
    scaling = config.scaling
    if scaling == "auto":
        scaling = "standard" if source.table else "global"
    if scaling == "none" or width == 0:
        return np.zeros(width, np.float32), np.ones(width, np.float32)
    least, greatest = (
        extreme.reduce([extreme.reduce(block, axis=0) for _, block in blocks_of(numbers)])
        for extreme in (np.minimum, np.maximum)
    )
    match scaling:
        case "global":
            least = np.full(width, least.min())
            greatest = np.full(width, greatest.max())
            offset, scale = least, greatest - least
            advice = "Correct the data, or set data.scaling: none."
        case "minmax":
            offset, scale = least, greatest - least
            advice = "Leave such columns out with data.drop, or set data.scaling: global."
        case "standard":
            mean, variance = moments(numbers)
            offset, scale = mean.astype(np.float32), np.sqrt(variance).astype(np.float32)
            advice = "Leave such columns out with data.drop, or set data.scaling: global."
    constant = (least == greatest) | (scale == 0)
    if constant.any():
        raise InputError(
            f"Scaling ({scaling}) needs columns that vary. In the training rows of {source.name} "
            f"all values are equal in {_listed(source.number_names, constant)}. {advice}"
        )
    return offset, scale


def _listed(names: Sequence[str], chosen: np.ndarray) -> str:
    """The chosen columns by name, the first five at most."""
    found = [repr(name) for name, is_chosen in zip(names, chosen, strict=True) if is_chosen]
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return f"{'column' if len(found) == 1 else 'columns'} {', '.join(found[:5])}{more}"
