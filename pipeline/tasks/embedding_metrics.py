"""What few dimensions are judged by that rows are reduced to.

What is measured of a row, `Predicted.values` (rows, 5), is whether its neighbours among labelled
training rows are mostly of its class (`RIGHT`), its part of trustworthiness and of continuity, the
squared error with which its scaled features are decoded (`ERROR`), and their squared distance from
the mean of training rows (`POWER`); NaN where nothing was measured.
"""

import numpy as np

from pipeline.tasks.denoising_metrics import mean
from pipeline.tasks.metric import Metric, Predicted

RIGHT, TRUST, CONTINUITY, ERROR, POWER = range(5)


def neighbour_accuracy(true: np.ndarray, predicted: Predicted) -> float:
    """The accuracy of ten nearest neighbours; NaN without classes."""
    return mean(predicted.values[:, RIGHT], predicted.weights)


def trustworthiness(true: np.ndarray, predicted: Predicted) -> float:
    """Whether neighbours in few dimensions are some (Venna and Kaski 2001); 1 where all are."""
    return mean(predicted.values[:, TRUST], predicted.weights)


def continuity(true: np.ndarray, predicted: Predicted) -> float:
    """Whether neighbours stay neighbours in few dimensions (Venna and Kaski 2001)."""
    return mean(predicted.values[:, CONTINUITY], predicted.weights)


def explained_variance(true: np.ndarray, predicted: Predicted) -> float:
    """Of the rows' distance from their mean, how much is decoded from few dimensions."""
    error, power = (mean(predicted.values[:, at], predicted.weights) for at in (ERROR, POWER))
    return 1 - error / max(power, 1e-12)


METRICS = (
    Metric("neighbour_accuracy", "accuracy of ten neighbours in %", "Accuracy of ten neighbours",
           True, neighbour_accuracy),
    Metric("trustworthiness", "trustworthiness", "Trustworthiness", False, trustworthiness),
    Metric("continuity", "continuity", "Continuity", False, continuity),
    Metric("explained_variance", "explained variance", "Explained variance", False,
           explained_variance),
)  # fmt: skip
