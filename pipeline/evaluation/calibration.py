"""Temperature and thresholds from validation rows, the same way for networks and other models."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
import scipy

from pipeline.evaluation.gain import EQUAL
from pipeline.tasks.decision import Decision
from pipeline.tasks.metric import Metric, Predicted
from pipeline.tasks.task import Task

MOST = 20.0
"""The highest temperature, and one over the lowest."""
CANDIDATES = 51
"""Thresholds that are tried: quantiles of the probabilities."""
ROWS_FOR_ACCURACY = 300
"""Validation rows from which a threshold is tuned for accuracy. With fewer, one half is better: a
logistic regression on public tables lost up to 1.6 points by tuning on 30 rows, 0.9 on 100."""
TUNED_BY = {
    "classification": {"auroc": "balanced_accuracy", "average_precision": "balanced_accuracy"},
    "multilabel": {"auroc": "macro_f1", "average_precision": "macro_f1"},
}
"""Where the metric that is compared says nothing of decisions: what thresholds are tuned by."""
OF_DECISIONS = ("accuracy", "balanced_accuracy", "f1", "macro_f1")
OF_ROWS = ("accuracy", "f1")
"""Those in which a class counts by its rows. Where classes are weighed, no threshold is tuned by
them: it would be moved back to where it is without weights."""
UNCALIBRATED = ("log_loss", "calibration_error")
"""Metrics that trials log as they were before, too."""


def decision_of(
    task: Task,
    outputs: np.ndarray,
    true: np.ndarray,
    metric: Metric,
    class_weights: Literal["balanced"] | None = None,
    weights: np.ndarray | None = None,
) -> Decision:
    """What outputs (rows, outputs) on validation rows say, beside what is `true`.

    `class_weights` are those that the model was trained with; `weights` (rows,) say how much each
    row counts.
    """
    if not task.has_classes:
        return Decision()
    found = temperature(outputs.astype("float64"), true, weights)
    probabilities = task.probabilities(outputs / found)
    assert probabilities is not None
    name = TUNED_BY.get(task.kind, {}).get(metric.name, metric.name)
    few = name == "accuracy" and len(true) < ROWS_FOR_ACCURACY
    weighed = class_weights is not None and name in OF_ROWS
    two = true.ndim == 2 or (outputs.shape[1] == 2 and np.ptp(true) > 0)
    if name not in OF_DECISIONS or few or weighed or not two:
        return Decision(found)
    return Decision(found, thresholds(task, probabilities, true, task.metric(name), weights))


def temperature(logits: np.ndarray, true: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The temperature of the least log loss.

    What is true is taken for a little less than certain, as one more row that is right and one that
    is not would make it (Platt 1999): of few rows that are all predicted correctly, more would not
    be.
    """
    rows, kinds = len(true), logits.shape[1]
    sure = (rows + 1) / (rows + 2)
    position = np.arange(rows)

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        if true.ndim == 2:
            toward = scaled * (2 * true - 1)
            each = sure * np.logaddexp(0, -toward) + (1 - sure) * np.logaddexp(0, toward)
            losses = each.mean(axis=1)
        else:
            given = scipy.special.log_softmax(scaled, axis=1)
            other = (1 - sure) / (kinds - 1)
            losses = -(sure - other) * given[position, true] - other * given.sum(axis=1)
        return float(np.average(losses, weights=weights))

    limit = float(np.log(MOST))
    found = scipy.optimize.minimize_scalar(loss, bounds=(-limit, limit), method="bounded")
    return float(np.exp(found.x))


def thresholds(
    task: Task,
    probabilities: np.ndarray,
    true: np.ndarray,
    metric: Metric,
    weights: np.ndarray | None = None,
) -> tuple[float, ...]:
    """Those of the best metric, of equally good ones the nearest to one half; none if that is it.

    Of two classes one, of the second. Of several labels each has its own where the metric is a mean
    over labels; else they share one.
    """
    if true.ndim == 2 and metric.name == "macro_f1":
        pairs = zip(probabilities.T, true.T, strict=True)
        each = np.ones(len(true)) if weights is None else weights
        return _unless_half(
            [_best(of_label, partial(_f1, of_label, label, each)) for of_label, label in pairs]
        )
    count = true.shape[1] if true.ndim == 2 else 1

    def merit(threshold: float) -> float:
        decided = task.decided(probabilities, (threshold,) * count)
        return metric.merit(metric.score(true, Predicted(decided, weights=weights)))

    of_second = probabilities if true.ndim == 2 else probabilities[:, 1]
    return _unless_half([_best(of_second, merit)] * count)


def calibrated_scores(
    task: Task,
    true: np.ndarray,
    predicted: Predicted,
    raw: Predicted,
    weights: np.ndarray | None = None,
) -> dict[str, float]:
    """Every metric, and those that calibration is for as they were without it (`raw`).

    Of the same decisions: a threshold makes less probable ones, which is no fault of calibration.
    """
    uncalibrated = Predicted(predicted.values, raw.probabilities, weights)
    before = {
        f"{metric.name}_uncalibrated": metric.score(true, uncalibrated)
        for metric in task.metrics
        if metric.name in UNCALIBRATED
    }
    return task.scores(true, predicted._replace(weights=weights)) | before


def _best(probabilities: np.ndarray, merit: Callable[[float], float]) -> float:
    """The threshold of the greatest merit."""
    tried = np.quantile(probabilities, np.linspace(0, 1, CANDIDATES))
    candidates = np.unique(np.append(tried, 0.5))
    merits = np.array([merit(float(threshold)) for threshold in candidates])
    best = candidates[merits >= merits.max() - EQUAL]
    return float(best[np.abs(best - 0.5).argmin()])


def _unless_half(found: list[float]) -> tuple[float, ...]:
    return () if set(found) == {0.5} else tuple(found)


def _f1(
    probabilities: np.ndarray, applies: np.ndarray, weights: np.ndarray, threshold: float
) -> float:
    """Of one label, all arrays (rows,)."""
    taken = weights * (probabilities >= threshold)
    least = weights.min()  # where nothing is taken and nothing applies
    return float(2 * (taken * applies).sum() / max(taken.sum() + (weights * applies).sum(), least))
