"""What a trial of a task without labels comes to."""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np

from pipeline.evaluation.measured import Measured


class DeepOutcome(NamedTuple):
    """A model that was trained, and what it was measured to be."""

    measured: Measured
    model: keras.Model
    moved: list[float]
    """For each level: Euclidean distance of its kernel from where it began, over its norm then."""


def distances(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> list[float]:
    """How far each kernel is from where it was, over its norm there."""
    return [
        float(np.linalg.norm(now - then) / np.linalg.norm(then))
        for then, now in zip(before, after, strict=True)
    ]
