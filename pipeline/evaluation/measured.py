"""What a model is measured to be that learns from no label."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from pipeline.tasks.metric import Metric, Predicted
from pipeline.tasks.task import Task


class Measured(NamedTuple):
    """A model on the rows that choose and on those that test."""

    scores: dict[str, float]
    """By the metrics of the task that it has, on the test rows."""
    validation_score: float
    """By the metric that is compared, on the validation rows."""
    predicted: Predicted
    """Of the test rows."""
    further: Mapping[str, float] = MappingProxyType({})
    """More that was measured on the test rows, by its name."""


def measured(
    task: Task,
    metric: Metric,
    validation: tuple[np.ndarray, Predicted],
    test: tuple[np.ndarray, Predicted],
    further: Mapping[str, float] = MappingProxyType({}),
) -> Measured:
    """The scores of what is predicted beside the targets, of both parts, where there are any."""
    scores = {name: score for name, score in task.scores(*test).items() if not np.isnan(score)}
    return Measured(scores, metric.score(*validation), test[1], further)
