"""What a metric is: a score of predictions beside what is true, and how people read it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Predicted(NamedTuple):
    """What a model says of rows."""

    values: np.ndarray
    """Numbers as the task has them: positions of classes (rows,), 0 and 1 (rows, labels), ..."""
    probabilities: np.ndarray | None = None
    """float64, of each class (rows, classes) or each label (rows, labels); of a number None."""
    weights: np.ndarray | None = None
    """How much each row counts in a metric, float64 (rows,); None: all alike."""

    @property
    def confidence(self) -> np.ndarray | None:
        """The probability of what is predicted, of the shape of `values`."""
        if self.probabilities is None:
            return None
        if self.values.ndim == 1:
            return self.probabilities[np.arange(len(self.values)), self.values]
        return np.where(self.values > 0, self.probabilities, 1 - self.probabilities)


class Metric(NamedTuple):
    """By its name it is found in MLflow and chosen in the config."""

    name: str
    words: str
    """Where people read its values."""
    heading: str
    percent: bool
    """Whether people read it in per cent."""
    score: Callable[[np.ndarray, Predicted], float]
    """From what is true, as numbers, and what is predicted."""
    less_is_better: bool = False

    def merit(self, score: float) -> float:
        """A score, or a merit, turned so that greater is better, and back."""
        return -score if self.less_is_better else score


class Choice(NamedTuple):
    """The metric that rows are compared by, and why, for people, if it is not the usual one."""

    metric: str
    note: str = ""


BINS = 15
"""Of confidence, of equal width."""


class Reliability(NamedTuple):
    """How often predictions are right that are equally sure; bins without any are left out."""

    confidence: np.ndarray
    """The mean probability given to what was predicted (bins,)."""
    right: np.ndarray
    """The share that is right (bins,)."""
    share: np.ndarray
    """Of all predictions (bins,)."""


def reliability(
    right: np.ndarray, confidence: np.ndarray, weights: np.ndarray | None = None
) -> Reliability:
    """`right` is bool, `confidence` the probability given to what was predicted, of one shape.

    `weights` (rows,) say how much each row counts.
    """
    each = np.ones(len(right)) if weights is None else weights
    each = np.repeat(each, right[0].size if len(right) else 1)
    right, confidence = right.ravel(), confidence.ravel()
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, each, BINS)
    there = counts > 0

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(bins, each * values, BINS)[there] / counts[there]

    return Reliability(mean(confidence), mean(right), counts[there] / counts.sum())


def calibration_error(
    right: np.ndarray, confidence: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """The expected calibration error of Guo et al. (2017), of predictions as in `reliability`.

    The mean distance of confidence from the share that is right, bin by bin.
    """
    found = reliability(right, confidence, weights)
    return float(np.sum(found.share * np.abs(found.confidence - found.right)))
