"""What several labels are scored by."""

from collections.abc import Callable

import numpy as np

from pipeline.tasks.metric import Metric, Predicted, calibration_error


def f1(true: np.ndarray, predicted: Predicted) -> float:
    """Micro-averaged F1: rows and labels count together, so that rare labels weigh little.

    It is 0 where nothing is true and nothing predicted.
    """
    from sklearn.metrics import f1_score

    return float(
        f1_score(
            true, predicted.values, average="micro", sample_weight=predicted.weights,
            zero_division=0.0,
        )
    )  # fmt: skip


def macro_f1(true: np.ndarray, predicted: Predicted) -> float:
    """The mean over labels of F1, so that rare labels weigh as much as others."""
    from sklearn.metrics import f1_score

    return float(
        f1_score(
            true, predicted.values, average="macro", sample_weight=predicted.weights,
            zero_division=0.0,
        )
    )  # fmt: skip


def auroc(true: np.ndarray, predicted: Predicted) -> float:
    """The mean area under the ROC curve over labels that apply to some rows and not to others."""
    from sklearn.metrics import roc_auc_score

    return _label_by_label(roc_auc_score, true, predicted, of_one_value=0.5)


def average_precision(true: np.ndarray, predicted: Predicted) -> float:
    """The mean area under the curve of precision over recall, over the same labels."""
    from sklearn.metrics import average_precision_score

    return _label_by_label(average_precision_score, true, predicted, of_one_value=1.0)


def log_loss(true: np.ndarray, predicted: Predicted) -> float:
    """Minus the mean logarithm of the probability given to what is true, over rows and labels."""
    from sklearn.metrics import log_loss

    assert predicted.probabilities is not None
    given, weights = predicted.probabilities.ravel(), predicted.weights
    each = None if weights is None else np.repeat(weights, true.shape[1])
    return float(log_loss(true.ravel(), given, labels=[0, 1], sample_weight=each))


def calibration(true: np.ndarray, predicted: Predicted) -> float:
    """How far the probability of what is predicted is from the share that is right."""
    assert predicted.confidence is not None
    return calibration_error(predicted.values == true, predicted.confidence, predicted.weights)


def _label_by_label(
    score: Callable[..., float],
    true: np.ndarray,
    predicted: Predicted,
    of_one_value: float,
) -> float:
    assert predicted.probabilities is not None
    pairs = zip(true.T, predicted.probabilities.T, strict=True)
    scores = [
        score(label, given, sample_weight=predicted.weights)
        for label, given in pairs
        if label.min() < label.max()
    ]
    return float(np.mean(scores)) if scores else of_one_value


METRICS = (
    Metric("f1", "F1 in %", "F1", True, f1),
    Metric("macro_f1", "macro F1 in %", "Macro F1", True, macro_f1),
    Metric("auroc", "AUROC in %", "AUROC", True, auroc),
    Metric("average_precision", "average precision in %", "Average precision", True,
           average_precision),
    Metric("log_loss", "log loss", "Log loss", False, log_loss, less_is_better=True),
    Metric("calibration_error", "calibration error in %", "Calibration error", True, calibration,
           less_is_better=True),
)  # fmt: skip
