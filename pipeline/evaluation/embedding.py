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
from pipeline.evaluation.neighbourhoods import trustworthiness
from pipeline.tasks.embed import NO_CLASS
from pipeline.tasks.embedding_metrics import CONTINUITY, ERROR, POWER, RIGHT, TRUST
from pipeline.tasks.metric import Metric
from pipeline.tasks.task import Task

NEIGHBOURS = 10
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
    mean = parts.train.mean(axis=0)
    of_validation, of_test = parts.all_rows
    further: dict[str, float] = {}
    scores = {}
    with threadpool_limits(1):
        for number, reduction in reductions.items():
            values = _values(reduction, parts, parts.test, mean)
            found = parts.test.predicted(values, of_test)
            scores[number] = found
            if number != dims or len(reductions) > 1:
                further |= {
                    f"{name}_{number}": score
                    for name, score in task.scores(parts.test.targets, found).items()
                    if not np.isnan(score)
                }
        of_parts = _values(reductions[dims], parts, parts.validation, mean)
    validation = parts.validation.predicted(of_parts, of_validation)
    return measured(
        task,
        metric,
        (parts.validation.targets, validation),
        (parts.test.targets, scores[dims]),
        further,
    )


def _values(
    reduction: Reduction, parts: EmbeddingRows, part: MeasuredRows, mean: np.ndarray
) -> np.ndarray:
    """What was measured of each row of a part (rows, measures)."""
    reduced = reduction.embed(part.rows)
    values = np.full((len(part.rows), 5), np.nan)
    values[:, TRUST] = trustworthiness(part.rows, reduced)
    values[:, CONTINUITY] = trustworthiness(reduced, part.rows)
    values[:, ERROR] = np.square(part.rows - reduction.decode(reduced)).sum(axis=1)
    values[:, POWER] = np.square(part.rows - mean).sum(axis=1)
    known = part.targets != NO_CLASS
    if known.any() and len(parts.labelled):
        model = KNeighborsClassifier(min(NEIGHBOURS, len(parts.labelled)))
        model.fit(reduction.embed(parts.labelled), parts.classes)
        values[known, RIGHT] = model.predict(reduced[known]) == part.targets[known]
    return values


def dimensions(section: EmbedTask, features: int) -> tuple[int, tuple[int, ...]]:
    """How many dimensions rows are compared in, and all of them, ascending."""
    compared = section.dims or min(USUAL, max(1, features // 2))
    more = {number for number in section.prefixes if number < features}
    return compared, tuple(sorted({compared, *more}))
