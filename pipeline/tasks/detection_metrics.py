"""What scores of anomalies are judged by.

What is predicted of a row is its score and its reconstruction error, `Predicted.values` (rows, 2).
"""

import numpy as np

from pipeline.tasks.metric import Metric, Predicted


def auroc(true: np.ndarray, predicted: Predicted) -> float:
    """How often an anomaly has a greater score than a normal row; 0.5 where there is no such pair.

    Shapes: (rows,), 1 for an anomaly.
    """
    from sklearn.metrics import roc_auc_score

    if len(np.unique(true)) < 2:
        return 0.5
    scores = predicted.values[:, 0]
    return float(roc_auc_score(true, scores, sample_weight=predicted.weights))


def average_precision(true: np.ndarray, predicted: Predicted) -> float:
    """The area under the curve of precision over recall; 0 without anomalies."""
    from sklearn.metrics import average_precision_score

    if not true.any():
        return 0.0
    scores = predicted.values[:, 0]
    return float(average_precision_score(true, scores, sample_weight=predicted.weights))


def reconstruction_error(true: np.ndarray, predicted: Predicted) -> float:
    """The mean over normal rows of the squared error of their scaled features."""
    normal = true == 0
    weights = None if predicted.weights is None else predicted.weights[normal]
    return float(np.average(predicted.values[normal, 1], weights=weights))


RECONSTRUCTION = "reconstruction_error"
"""The metric that needs no known anomaly, and that models have which reconstruct rows."""
METRICS = (
    Metric("auroc", "AUROC in %", "AUROC", True, auroc),
    Metric("average_precision", "average precision in %", "Average precision", True,
           average_precision),
    Metric(RECONSTRUCTION, "reconstruction error", "Reconstruction error", False,
           reconstruction_error, less_is_better=True),
)  # fmt: skip
