"""Fit a preprocessing: medians, scaling and categories, as the rows of pretraining have them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.config.data import DataConfig
from pipeline.data.cells import listed, located
from pipeline.data.features.cycles import cycles_of
from pipeline.data.features.operations import NUMPY
from pipeline.data.features.pieces import pieces_of
from pipeline.data.features.preprocessing import Preprocessing
from pipeline.data.features.quantiles import FEW, NO_QUANTILES, many_valued, quantiles_of
from pipeline.data.rows.memory import check_fits
from pipeline.data.rows.streamed import ChosenRows, Rows, StreamedRows, blocks_of, moments
from pipeline.data.source import Source
from pipeline.errors import raise_all

LISTED = 30
PIECES = 8
MANY_COLUMNS = 100
"""Of many different numbers: where there are more, pieces would be most of what is learned."""
INDICATED = 0.01
"""The share of missing values above which that a value is missing may say something."""


def fit(source: Source, rows: np.ndarray, config: DataConfig) -> Preprocessing:
    """Fill, scale and vocabularies as the given rows, those of pretraining, have them.

    `rows` is int64, positions in the source; no other row has any influence. A column without a
    value in these rows, or with one alone, is 0 in all of them.

    Raises:
        InputError: for everything that is wrong: missing values that are refused, in any row;
            rows that are all alike; more categories than fit in memory.
    """
    refuse = config.missing == "refuse"
    problems = _missing(source, refuse)
    numbers = _chosen(source.numbers, rows)
    fill = np.full(numbers.shape[1], np.nan)
    if not refuse:
        fill = np.nan_to_num(_medians(numbers, source))
        numbers = numbers.changed(
            lambda block: np.where(np.isnan(block), fill, block), numbers.shape[1]
        )
    scaling = _usual_scaling(source) if config.scaling == "auto" else config.scaling
    least, greatest = _extremes(numbers)
    if scaling == "global" and _all_alike(least, greatest):
        problems.append(
            f"Scaling (global) needs numbers that vary. In the training rows of {source.name} all "
            "values are equal. Correct the data, or set data.scaling: none."
        )
    most = config.max_levels
    vocabularies = tuple(vocabulary(column, most) for column in source.categories[rows].T)
    raise_all(problems)
    check_fits(source.rows * sum(map(len, vocabularies)), 4, f"{source.name}, one-hot,")
    offset, scale = _scaling(numbers, least, greatest, scaling)
    sampled, many = many_valued(source, rows)
    whole = Preprocessing(
        source.columns,
        fill,
        offset,
        scale,
        vocabularies,
        refuse,
        _indicated(source, rows),
        cycles_of(source, least, greatest),
        quantiles_of(sampled, many) if scaling == "quantile" else NO_QUANTILES,
    )
    number = config.pieces
    if number == "auto":
        number = PIECES if scaling == "quantile" and len(many) <= MANY_COLUMNS else 0
    if not number:
        return whole
    return replace(whole, pieces=pieces_of(whole.exactly_scaled(sampled, NUMPY), many, number))


def filled_and_flat(source: Source, rows: np.ndarray, config: DataConfig) -> list[str]:
    """Notes for people: how many values are filled, and which columns say nothing."""
    missing = (source.categories == "").sum(axis=0).tolist()
    names = list(source.category_names)
    if source.number_names:
        counts = np.zeros(len(source.number_names), np.int64)
        for _, block in source.number_blocks():
            counts += np.isnan(block).sum(axis=0)
        missing += counts.tolist()
        names += source.number_names
    notes = []
    if sum(missing):
        some = np.array(missing) > 0
        notes.append(
            f"{sum(missing):,} values are missing, in {_listed(names, some)}. Numbers become the "
            "median of the training rows, categories one of their own."
        )
    if config.scaling not in ("none", "global") and source.table:
        least, greatest = _extremes(_chosen(source.numbers, rows))
        flat = ~(_widths(least, greatest) > 0)
        if flat.any():
            notes.append(
                "A column with one value in the training rows says nothing: it is 0 in all of "
                f"them. Such are {_listed(source.number_names, flat)}."
            )
    return notes


def bent(preprocessing: Preprocessing) -> list[str]:
    """A note that tells how many columns go through their quantiles, if any do."""
    numbers = [column.kind == "number" for column in preprocessing.columns]
    through = len(preprocessing.quantiles.positions)
    if not through:
        return []
    others = "all are" if through == sum(numbers) else f"{through} of {sum(numbers)} are"
    return [
        f"Numbers with more than {FEW} different values go through the quantiles of the training "
        f"rows to a normal distribution: {others} such columns. All others get mean 0 and standard "
        "deviation 1 (data.scaling)."
        + (
            " Columns with quantiles are also given in pieces between these (data.pieces)."
            if len(preprocessing.pieces.positions)
            else ""
        )
    ]


def vocabulary(values: np.ndarray, most: int) -> tuple[str, ...]:
    """The values of a category column in sorted order: the most frequent, where there are more.

    The others, and those that come later, are zero in all of them.
    """
    names, counts = np.unique(values, return_counts=True)
    if len(names) > most:
        names = np.sort(names[np.argsort(-counts, kind="stable")[:most]])
    return tuple(str(name) for name in names)


def _indicated(source: Source, rows: np.ndarray) -> tuple[int, ...]:
    """The number columns that miss more than a percent of the values."""
    missing = np.zeros(source.numbers.shape[1])
    for _, block in blocks_of(_chosen(source.numbers, rows)):
        missing += np.isnan(block).sum(axis=0)
    return tuple(int(n) for n in np.flatnonzero(missing > INDICATED * len(rows)))


def _missing(source: Source, refuse: bool) -> list[str]:
    """What is wrong with missing values; reads all numbers, which must be finite, in any case."""
    counts = np.zeros(len(source.number_names), np.int64)
    first = np.full(len(counts), -1)
    for start, block in source.number_blocks():
        missing = np.isnan(block)
        first = np.where((first < 0) & missing.any(axis=0), start + missing.argmax(axis=0), first)
        counts += missing.sum(axis=0)
    empty = source.categories == ""
    found = []
    if counts.any():
        found.append(listed(counts, first, source.rows, source.number_names))
    if empty.any():
        found.append(located(empty, source.category_names))
    if not refuse or not found:
        return []
    return [
        f"Values must not be missing. {source.name} misses values in {'; '.join(found)}. Set "
        "data.missing: impute, or leave the columns out with data.ignore."
    ]


def _chosen(rows: Rows, positions: np.ndarray) -> StreamedRows | ChosenRows:
    return rows.at(positions) if isinstance(rows, StreamedRows) else ChosenRows(rows, positions)


def _medians(numbers: StreamedRows | ChosenRows, source: Source) -> np.ndarray:
    """float64 (number columns,): the median of the values that are there.

    The rows are read as often as is needed to have some columns of all rows in memory.
    """
    width = max(1, numbers.block_rows * numbers.shape[1] // len(numbers))
    medians = []
    for first in range(0, numbers.shape[1], width):
        columns = slice(first, first + width)
        values = np.concatenate([block[:, columns] for _, block in blocks_of(numbers)])
        medians.append(_medians_of(values))
    return np.concatenate([np.empty(0), *medians])


def _medians_of(numbers: np.ndarray) -> np.ndarray:
    """NaN where there is no value."""
    medians = np.full(numbers.shape[1], np.nan)
    given = ~np.isnan(numbers).all(axis=0)
    medians[given] = np.nanmedian(numbers[:, given].astype(np.float64), axis=0)
    return medians


def _extremes(numbers: StreamedRows | ChosenRows) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest of each column, of its own type; NaN where it has no value."""
    least, greatest = (
        extreme.reduce([extreme.reduce(block, axis=0) for _, block in blocks_of(numbers)])
        for extreme in (np.fmin, np.fmax)
    )
    return least, greatest


def _all_alike(least: np.ndarray, greatest: np.ndarray) -> bool:
    """Whether there is one number in all columns."""
    return len(least) > 0 and not np.any(_widths(*_overall(least, greatest)) > 0)


def _overall(least: np.ndarray, greatest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest of all columns, for each of them."""
    if len(least) == 0:
        return least, greatest
    return (
        np.full_like(least, np.fmin.reduce(least)),
        np.full_like(greatest, np.fmax.reduce(greatest)),
    )


def _widths(least: np.ndarray, greatest: np.ndarray) -> np.ndarray:
    return greatest.astype(np.float64) - least.astype(np.float64)


def _usual_scaling(source: Source) -> str:
    """What `auto` stands for."""
    of_task = source.task.scaling if source.task and source.image_shape is None else None
    return of_task or ("quantile" if source.table else "global")


def _scaling(
    numbers: StreamedRows | ChosenRows, least: np.ndarray, greatest: np.ndarray, scaling: str
) -> tuple[np.ndarray, np.ndarray]:
    """Offset and scale, float64 (number columns,), of numbers that vary and none is missing."""
    width = len(least)
    if scaling == "none" or width == 0:
        return np.zeros(width), np.ones(width)
    if scaling in ("standard", "quantile"):
        mean, variance = moments(numbers)
        # The variance of numbers below 1e-162 is below the least float64.
        scale = np.where(variance == 0, _widths(least, greatest), np.sqrt(variance))
        return np.where(scale == 0, least, mean), _where_flat(scale, least)
    if scaling == "global":
        least, greatest = _overall(least, greatest)
    return least.astype(np.float64), _where_flat(_widths(least, greatest), least)


def _where_flat(scale: np.ndarray, value: np.ndarray) -> np.ndarray:
    """The scale of columns with one value: another value, later, lies about 1 from it."""
    return np.where(scale == 0, np.maximum(1, np.abs(value)), scale)


def _listed(names: Sequence[str], chosen: np.ndarray) -> str:
    """The chosen columns by name, the first thirty at most."""
    found = [repr(name) for name, is_chosen in zip(names, chosen, strict=True) if is_chosen]
    more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
    return f"{'column' if len(found) == 1 else 'columns'} {', '.join(found[:LISTED])}{more}"
