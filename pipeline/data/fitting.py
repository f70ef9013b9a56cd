"""Fit a preprocessing: medians, scaling and categories, as the rows of pretraining have them."""

from collections.abc import Sequence

import numpy as np

from pipeline.config.data import DataConfig
from pipeline.data.cells import located
from pipeline.data.preprocessing import Preprocessing
from pipeline.data.rows.memory import check_fits
from pipeline.data.rows.streamed import ChosenRows, Rows, StreamedRows, blocks_of, moments
from pipeline.data.source import Source
from pipeline.errors import InputError


def fit(source: Source, rows: np.ndarray, config: DataConfig) -> Preprocessing:
    """Fill, scale and vocabularies as the given rows, those of pretraining, have them.

    `rows` is int64, positions in the source; no other row has any influence.

    Raises:
        InputError: for missing values that are refused, in any row; for columns without a value or
            with only one value in the given rows; for more categories than fit in memory.
    """
    refuse = config.missing == "refuse"
    for start, block in source.number_blocks():
        if refuse:
            _refuse_missing(np.isnan(block), source.number_names, source.name, start)
    if refuse:
        _refuse_missing(source.categories == "", source.category_names, source.name)
    numbers = _chosen(source.numbers, rows)
    fill = np.full(numbers.shape[1], np.nan)
    if not refuse:
        fill = _medians(numbers, source)
        numbers = numbers.changed(
            lambda block: np.where(np.isnan(block), fill, block), numbers.shape[1]
        )
    offset, scale = _scaling(numbers, source, config)
    vocabularies = tuple(
        tuple(str(value) for value in np.unique(column)) for column in source.categories[rows].T
    )
    check_fits(source.rows * sum(map(len, vocabularies)), 4, f"{source.name}, one-hot,")
    return Preprocessing(source.columns, fill, offset, scale, vocabularies, refuse)


def _chosen(rows: Rows, positions: np.ndarray) -> StreamedRows | ChosenRows:
    return rows.at(positions) if isinstance(rows, StreamedRows) else ChosenRows(rows, positions)


def _refuse_missing(
    missing: np.ndarray, names: Sequence[str], where: str, rows_before: int = 0
) -> None:
    if missing.any():
        raise InputError(
            f"Values must not be missing. {where} misses values in "
            f"{located(missing, names, rows_before)}. Set data.missing: impute, or leave the "
            "column out with data.drop."
        )


def _medians(numbers: StreamedRows | ChosenRows, source: Source) -> np.ndarray:
    """float64 (number columns,): the median of the values that are there.

    The rows are read as often as is needed to have some columns of all rows in memory.
    """
    width = max(1, numbers.block_rows * numbers.shape[1] // len(numbers))
    medians = []
    for first in range(0, numbers.shape[1], width):
        columns = slice(first, first + width)
        values = np.concatenate([block[:, columns] for _, block in blocks_of(numbers)])
        medians.append(_medians_of(values, source.number_names[columns], source.name))
    return np.concatenate([np.empty(0), *medians])


def _medians_of(numbers: np.ndarray, names: Sequence[str], where: str) -> np.ndarray:
    empty = np.isnan(numbers).all(axis=0)
    if empty.any():
        raise InputError(
            "A missing number becomes the median of the training rows, which must have one. "
            f"{where} has none in {_listed(names, empty)}. "
            "Leave it out with data.drop."
        )
    return np.nanmedian(numbers.astype(np.float64), axis=0)


def _scaling(
    numbers: StreamedRows | ChosenRows, source: Source, config: DataConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Offset and scale, float64 (number columns,), of numbers none of which is missing."""
    width = numbers.shape[1]
    scaling = config.scaling
    if scaling == "auto":
        scaling = "standard" if source.table else "global"
    if scaling == "none" or width == 0:
        return np.zeros(width), np.ones(width)
    least, greatest = (
        extreme.reduce([extreme.reduce(block, axis=0) for _, block in blocks_of(numbers)])
        for extreme in (np.minimum, np.maximum)
    )
    constant = least == greatest  # before float64, which has not room for every integer
    least, greatest = least.astype(np.float64), greatest.astype(np.float64)
    match scaling:
        case "global":
            offset, greatest = np.full(width, least.min()), np.full(width, greatest.max())
            scale = greatest - offset
            constant = scale == 0
            advice = "Correct the data, or set data.scaling: none."
        case "minmax":
            offset, scale = least, greatest - least
            advice = "Leave such columns out with data.drop, or set data.scaling: global."
        case "standard":
            offset, variance = moments(numbers)
            scale = np.sqrt(variance)
            advice = "Leave such columns out with data.drop, or set data.scaling: global."
    constant |= scale == 0
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
