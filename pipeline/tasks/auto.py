"""Which task a target is for, where the config leaves it open."""

from typing import Literal

import numpy as np

from pipeline.tasks.labels import Labels

FEW = 50
"""Distinct whole numbers up to which they are classes, however few rows there are."""
CERTAIN = 10
"""Distinct whole numbers up to which they are classes, however rare some are."""
RARE = 3
"""Rows of a class, one for each part that rows are split into: with fewer it is no class."""
ROWS_OF_A_CLASS = 20
"""Rows on average from which more distinct whole numbers are classes too."""


def decided_by(labels: Labels | None) -> Literal["classification", "multilabel", "regression"]:
    """The task that the labels look like."""
    if labels is None:
        return "classification"
    if labels.columns:
        return "multilabel"
    given = labels.names[labels.names != ""]
    try:
        numbers = given.astype(np.float64)
    except ValueError:
        return "classification"
    distinct, counts = np.unique(numbers, return_counts=True)
    if len(distinct) <= 2 or not np.isfinite(distinct).all():
        return "classification"
    if (distinct % 1).any():
        return "regression"
    if len(distinct) > CERTAIN and counts.min() < RARE:
        return "regression"
    most = max(FEW, len(given) / ROWS_OF_A_CLASS)
    return "regression" if len(distinct) > most else "classification"
