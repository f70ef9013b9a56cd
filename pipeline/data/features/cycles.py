"""Which cycles a date column shows: of the day, the week and the year."""

import numpy as np

from pipeline.data.features.preprocessing import Cycle
from pipeline.data.rows.sample import sample
from pipeline.data.source import Source

DAY = 86_400.0
CYCLES = {"day": DAY, "week": 7 * DAY, "year": 365.2425 * DAY}
"""Seconds; the year is the calendar's mean."""
ROWS = 2_000
"""A random sample in which is looked for."""
PLACES = 5
"""Different places in a cycle that a column has at least where the cycle says something."""


def cycles_of(source: Source, least: np.ndarray, greatest: np.ndarray) -> tuple[Cycle, ...]:
    """The cycles of the date columns that come at least twice and in which dates differ.

    `least` and `greatest` are of all number columns, seconds since 1970 for dates.
    """
    numeric = [column for column in source.columns if not column.is_category]
    found = []
    for position, column in enumerate(numeric):
        if column.kind != "date":
            continue
        dates = sample(source.numbers, ROWS, seed=0)[:, position]
        dates = dates[~np.isnan(dates)]
        for name, seconds in CYCLES.items():
            long_enough = greatest[position] - least[position] >= 2 * seconds
            places = len(np.unique(np.round(dates % seconds / seconds * 24)))
            if long_enough and places >= PLACES:
                found.append(Cycle(position, name, seconds))
    return tuple(found)
