"""How far the rows of one run lie from those of another: one distance for each column."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.data.rows.sample import sample
from pipeline.data.source import Source

SUMMARISED_ROWS = 10_000
"""At most: a random sample of the pretraining rows, of which numbers are summarised."""
QUANTILES = 20
DIGITS = 6
"""Significant ones of a quantile that is kept."""


def summaries(source: Source, rows: np.ndarray, seed: int) -> list[dict[str, Any]]:
    """What is kept of each column, JSON-ready, in the order of the columns; no row is.

    Of numbers the share that is missing and 20 quantiles, at (i + 1/2) / 20, of those that are
    there; of categories their names and shares, with "" for a missing one. `rows` is int64,
    positions in the source.
    """
    numbers = source.numbers[sample(rows, SUMMARISED_ROWS, seed)].astype(np.float64)
    of_numbers, of_categories = iter(numbers.T), iter(source.categories[rows].T)
    return [
        {"name": column.name, "kind": column.kind}
        | (
            _of_numbers(next(of_numbers))
            if not column.is_category
            else _of_categories(next(of_categories))
        )
        for column in source.columns
    ]


def distances(
    before: Sequence[dict[str, Any]], now: Sequence[dict[str, Any]]
) -> list[tuple[str, float]]:
    """Name and distance of each column that both summaries have as the same kind; farthest first.

    Of numbers the first Wasserstein distance, between their quantiles, in standard deviations that
    they had before: a shift of the whole column by one of these is 1. Of categories the total
    variation distance: the share of rows that would have to change, at most 1. Where the share of
    missing numbers moved by more, by how much it did.
    """
    old = {(column["name"], column["kind"]): column for column in before}
    found = [
        (column["name"], _distance(old[key], column))
        for column in now
        if (key := (column["name"], column["kind"])) in old
    ]
    return sorted(found, key=lambda pair: -pair[1])


def _of_numbers(values: np.ndarray) -> dict[str, Any]:
    there = values[~np.isnan(values)]
    places = (np.arange(QUANTILES) + 0.5) / QUANTILES
    quantiles = np.quantile(there, places) if len(there) else []
    return {
        "missing": 1 - len(there) / len(values),
        "quantiles": [float(f"{value:.{DIGITS}g}") for value in quantiles],
    }


def _of_categories(values: np.ndarray) -> dict[str, Any]:
    names, counts = np.unique(values, return_counts=True)
    return {"categories": names.tolist(), "shares": (counts / len(values)).tolist()}


def _distance(before: dict[str, Any], now: dict[str, Any]) -> float:
    if before == now:  # as in every run on the same rows; SciPy takes a second to import
        return 0.0
    if before["kind"] == "category":
        old, new = (
            dict(zip(part["categories"], part["shares"], strict=True)) for part in (before, now)
        )
        return sum(abs(old.get(name, 0) - new.get(name, 0)) for name in old | new) / 2
    missing = abs(before["missing"] - now["missing"])
    if not before["quantiles"] or not now["quantiles"]:
        return missing
    return max(missing, _wasserstein(np.array(before["quantiles"]), np.array(now["quantiles"])))


def _wasserstein(before: np.ndarray, now: np.ndarray) -> float:
    """In standard deviations of the first, or of both where the first does not vary."""
    from scipy.stats import wasserstein_distance

    scale = before.std() or np.concatenate([before, now]).std() or 1.0
    return float(wasserstein_distance(before / scale, now / scale))
