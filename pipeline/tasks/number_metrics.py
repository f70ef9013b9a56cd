"""What a number is scored by."""

import numpy as np

from pipeline.tasks.metric import Metric, Predicted


def r_squared(true: np.ndarray, predicted: Predicted) -> float:
    """R squared; of targets that are all equal it is 1 where all are met and else 0."""
    weights = 1.0 if predicted.weights is None else predicted.weights
    errors = float(np.sum(weights * np.square(true - predicted.values), dtype="float64"))
    if np.ptp(true) == 0:
        return float(errors == 0)
    deviations = np.square(true - np.average(true, weights=predicted.weights))
    return 1 - errors / float(np.sum(weights * deviations, dtype="float64"))


def absolute_error(true: np.ndarray, predicted: Predicted) -> float:
    """The mean absolute error, in units of the target."""
    from sklearn.metrics import mean_absolute_error

    return float(mean_absolute_error(true, predicted.values, sample_weight=predicted.weights))


def squared_error(true: np.ndarray, predicted: Predicted) -> float:
    """The root of the mean squared error, in units of the target."""
    from sklearn.metrics import root_mean_squared_error

    return float(root_mean_squared_error(true, predicted.values, sample_weight=predicted.weights))


METRICS = (
    Metric("r2", "R squared", "R squared", False, r_squared),
    Metric("mae", "mean absolute error", "Mean absolute error", False, absolute_error,
           less_is_better=True),
    Metric("rmse", "root mean squared error", "Root mean squared error", False, squared_error,
           less_is_better=True),
)  # fmt: skip
