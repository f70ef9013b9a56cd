"""One trial of anomaly detection: an arm and a seed, from first weights to test scores."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from layers import SparseAutoencoder
from layers.detection import Detector, batched
from pipeline.config.task import JointTraining
from pipeline.config.untrained import UntrainedLevel
from pipeline.data.detection_rows import DetectionRows
from pipeline.tasks.anomaly import P_VALUE
from pipeline.tasks.metric import Metric, Predicted
from pipeline.tasks.task import Coding, Task
from pipeline.training.detection.joint import train_jointly, unrolled
from pipeline.training.progress import Watch


class Detection(NamedTuple):
    """The outcome of one trial."""

    scores: dict[str, float]
    """By every metric of the task, on the test rows."""
    validation_score: float
    """By the metric that is compared, on the validation rows."""
    predicted: Predicted
    """Of the test rows."""
    p_values: np.ndarray
    """Of the test rows (rows,)."""
    detector: Detector
    moved: list[float]
    """For each level: Euclidean distance of its kernel from where it began, over its norm then."""


def detect(
    stack: Sequence[UntrainedLevel],
    autoencoders: Sequence[SparseAutoencoder],
    training: JointTraining | None,
    parts: DetectionRows,
    task: Task,
    metric: Metric,
    seed: int,
    watch: Watch,
) -> Detection:
    """Unroll the levels, train them together if there is a `training`, and score the test rows.

    Raises `DivergedError`.
    """
    deep = unrolled(stack, autoencoders)
    before = deep.kernels()
    if training:
        train_jointly(deep, training, parts.normal, seed, watch)
    moved = [
        float(np.linalg.norm(after - kernel) / np.linalg.norm(kernel))
        for kernel, after in zip(before, deep.kernels(), strict=True)
    ]
    detector = Detector(
        *deep, parts.columns, parts.column_count, len(parts.references), len(parts.held_out)
    )
    detector.build((None, parts.normal.shape[1]))
    detector.fit_to(parts.references, parts.held_out)

    outputs = batched(detector, parts.test.rows)
    validation, found = (
        task.predicted(of_part, Coding())._replace(weights=part.weights)
        for of_part, part in (
            (batched(detector, parts.validation.rows), parts.validation),
            (outputs, parts.test),
        )
    )
    return Detection(
        scores=task.scores(parts.test.targets, found),
        validation_score=metric.score(parts.validation.targets, validation),
        predicted=found,
        p_values=outputs[:, P_VALUE],
        detector=detector,
        moved=moved,
    )
