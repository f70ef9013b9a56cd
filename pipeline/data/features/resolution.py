"""Distinct numbers that become one feature: what float32 cannot hold beside values far out."""

import numpy as np

from pipeline.data.features.operations import NUMPY
from pipeline.data.features.preprocessing import Preprocessing
from pipeline.data.rows.sample import sample
from pipeline.data.source import Source

ROWS, VALUES = 2_000, 2**21
"""At most, of a random sample in which numbers are compared with their neighbours."""
SHARE = 0.01
"""Of a column's distinct values; a few among many are equal by chance."""


def indistinct(source: Source, preprocessing: Preprocessing) -> list[str]:
    """A note for each column whose distinct values become equal features, more than a few."""
    if not source.number_names:
        return []
    rows = min(ROWS, max(2, VALUES // len(source.number_names)))
    numbers = np.sort(sample(source.numbers, rows, seed=0), axis=0)
    scaled = preprocessing.scaled(numbers, NUMPY)
    differ = numbers[1:] > numbers[:-1]
    distinct = differ.sum(axis=0) + 1
    lost = (differ & (scaled[1:] == scaled[:-1])).sum(axis=0)
    least, greatest = np.fmin.reduce(numbers, axis=0), np.fmax.reduce(numbers, axis=0)
    return [
        f"Features are float32, with about seven digits. Of {distinct[column]} distinct values in "
        f"a sample of column {source.number_names[column]!r}, {distinct[column] - lost[column]} "
        f"remain distinct: they lie from {least[column]:g} to {greatest[column]:g}. Correct or "
        "leave out values that lie far from all others, or let the column go through its quantiles "
        "(data.scaling: quantile)."
        for column in np.flatnonzero(lost > SHARE * distinct)
    ]
