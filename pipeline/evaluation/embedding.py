"""How good few dimensions are that rows are reduced to."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from pipeline.config.task import EmbedTask
from pipeline.data.embedding_rows import EmbeddingRows
from pipeline.data.measured_rows import MeasuredRows
from pipeline.evaluation.measured import Measured, measured
from pipeline.evaluation.neighbourhoods import (
    NEIGHBOURS,
    order_of_neighbours,
    trustworthiness,
)
from pipeline.tasks.embed import NO_CLASS
from pipeline.tasks.embedding_metrics import CONTINUITY, ERROR, POWER, RIGHT, TRUST
from pipeline.tasks.metric import Metric, Predicted
from pipeline.tasks.task import Task

USUAL = 32
"""Dimensions."""


class Reduction(NamedTuple):
    """A model that reduces rows to some number of dimensions."""

    embed: Callable[[np.ndarray], np.ndarray]
    """From rows (rows, features) to (rows, dims)."""
    decode: Callable[[np.ndarray], np.ndarray]
    """Back to rows."""


def measure(
    reductions: dict[int, Reduction],
    dims: int,
    parts: EmbeddingRows,
    task: Task,
    metric: Metric,
) -> Measured:
    """A model's scores at `dims`, and at every other number of dimensions that it has."""
    further: dict[str, float] = {}
    found: dict[int, Predicted] = {}
    with threadpool_limits(1):
        order = order_of_neighbours(parts.test.rows)
        for number, reduction in reductions.items():
            found[number] = _measured(reduction, parts, parts.test, order)
            scores = task.scores(parts.test.targets, found[number])
            further |= {
                f"{name}_{number}": score for name, score in scores.items() if not np.isnan(score)
            }
        order = order_of_neighbours(parts.validation.rows)
        validation = _measured(reductions[dims], parts, parts.validation, order)
    return measured(
        task,
        metric,
        (parts.validation.targets, validation),
        (parts.test.targets, found[dims]),
        further if len(found) > 1 else {},
    )


def _measured(
    reduction: Reduction, parts: EmbeddingRows, part: MeasuredRows, order: np.ndarray
) -> Predicted:
    """What was measured of each row of a part, whose neighbours are in this order."""
    reduced = reduction.embed(part.rows)
    of_reduced = order_of_neighbours(reduced)
    values = np.full((len(part.rows), 5), np.nan)
    values[:, TRUST] = trustworthiness(order, of_reduced)
    values[:, CONTINUITY] = trustworthiness(of_reduced, order)
    values[:, ERROR] = np.square(part.rows - reduction.decode(reduced)).sum(axis=1)
    values[:, POWER] = np.square(part.rows - parts.train.mean(axis=0)).sum(axis=1)
    known = part.targets != NO_CLASS
    if known.any() and len(parts.labelled):
        model = KNeighborsClassifier(min(NEIGHBOURS, len(parts.labelled)))
        model.fit(reduction.embed(parts.labelled), parts.classes)
        values[known, RIGHT] = model.predict(reduced[known]) == part.targets[known]
    return part.predicted(values)


def dimensions(section: EmbedTask, features: int) -> tuple[int, tuple[int, ...]]:
    """How many dimensions rows are compared in, and all of them, ascending."""
    compared = section.dims or min(USUAL, max(1, features // 2))
    more = {number for number in section.prefixes if number < features}
    return compared, tuple(sorted({compared, *more}))
