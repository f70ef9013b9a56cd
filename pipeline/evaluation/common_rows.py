"""Two models on the rows that both were tested on: how much better one is, with its interval."""

from typing import NamedTuple

import numpy as np
import scipy

from pipeline.evaluation.gain import CONFIDENCE
from pipeline.tasks.metric import Metric, Predicted

RESAMPLES = 1_000
"""Of the bootstrap: the ends of its interval are then right to some hundredths of its width."""
LEAST_ROWS = 50
"""For a bootstrap: of fewer rows too many resamples are alike."""


class ScoredRows(NamedTuple):
    """What a model predicts for its test rows."""

    contents: np.ndarray
    """uint64 (rows,): equal where all features are, in whatever table the row stands."""
    true: np.ndarray
    """As numbers (see the task)."""
    predicted: Predicted
    """With the weights of the rows, if they have any."""


class Difference(NamedTuple):
    """A candidate against another model, on rows that were test rows for both."""

    rows: int
    score: float
    """Of the candidate."""
    other: float
    """Score of the other model."""
    mean: float
    """How much better the candidate is: greater is better, whatever the metric."""
    interval: tuple[float, float] | None
    """95 % interval of the mean over such rows. None where they are too few for one."""


def difference(metric: Metric, candidate: ScoredRows, other: ScoredRows, seed: int) -> Difference:
    """How much better a candidate is than another model, on the rows that both were tested on.

    Accuracy has the interval of Agresti and Min (2005) for paired proportions, which holds where
    few rows are predicted differently too; any other metric, and rows with weights, have a paired
    bootstrap (percentiles; Efron and Tibshirani 1993), whose resamples `seed` draws. A row's label
    and weight are those that the candidate was tested with.
    """
    ours, theirs = _common(candidate.contents, other.contents)
    rows = len(ours)
    if rows == 0:
        return Difference(0, float("nan"), float("nan"), float("nan"), None)
    true = candidate.true[ours]
    one = _rows(candidate.predicted, ours)
    two = _rows(other.predicted._replace(weights=None), theirs)._replace(weights=one.weights)

    def gain(at: np.ndarray) -> float:
        score, less = (metric.merit(metric.score(true[at], _rows(part, at))) for part in (one, two))
        return score - less

    score, less = metric.score(true, one), metric.score(true, two)
    mean = metric.merit(score) - metric.merit(less)
    interval = None
    if metric.name == "accuracy" and one.weights is None:
        interval = _of_proportions(one.values == true, two.values == true)
    elif rows >= LEAST_ROWS:
        found = scipy.stats.bootstrap(
            (np.arange(rows),),
            gain,
            n_resamples=RESAMPLES,
            vectorized=False,
            confidence_level=CONFIDENCE,
            method="percentile",
            rng=np.random.default_rng(seed),
        ).confidence_interval
        interval = float(found.low), float(found.high)
    return Difference(rows, score, less, mean, interval)


def _common(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the candidate's test rows that the other was tested on too, and there.

    Rows of one content are predicted alike: where there are several, the first stands for them.
    """
    contents, first = np.unique(theirs, return_index=True)
    at = np.searchsorted(contents, ours)
    found = np.isin(ours, contents)
    return np.flatnonzero(found), first[at[found]]


def _rows(predicted: Predicted, at: np.ndarray) -> Predicted:
    """Of some rows."""
    values, probabilities, weights = predicted
    return Predicted(
        values[at],
        None if probabilities is None else probabilities[at],
        None if weights is None else weights[at],
    )


def _of_proportions(one: np.ndarray, two: np.ndarray) -> tuple[float, float]:
    """The interval of the difference of two shares of the same rows, bool (rows,) each.

    Wald's with half a row added to each of the four counts (Agresti and Min 2005).
    """
    rows = len(one) + 2
    first, second = (0.5 + np.sum(a & ~b) for a, b in ((one, two), (two, one)))
    mean = (first - second) / rows
    error = np.sqrt(first + second - (first - second) ** 2 / rows) / rows
    half = scipy.stats.norm.ppf((1 + CONFIDENCE) / 2) * error
    return float(max(-1, mean - half)), float(min(1, mean + half))
