"""What one class of several is scored by; means over classes are over those that rows have."""

from collections.abc import Callable

import numpy as np

from pipeline.tasks.metric import Metric, Predicted, calibration_error


def accuracy(true: np.ndarray, predicted: Predicted) -> float:
    """The share of rows that are predicted correctly."""
    return float(np.average(predicted.values == true, weights=predicted.weights))


def balanced_accuracy(true: np.ndarray, predicted: Predicted) -> float:
    """The mean over classes of the share that is found."""
    from sklearn.metrics import recall_score

    return _mean_over_classes(recall_score, true, predicted)


def macro_f1(true: np.ndarray, predicted: Predicted) -> float:
    """The mean over classes of F1."""
    from sklearn.metrics import f1_score

    return _mean_over_classes(f1_score, true, predicted)


def auroc(true: np.ndarray, predicted: Predicted) -> float:
    """The mean over classes of the area under the ROC curve of one class against the rest.

    Of two classes that is the area of either.
    """
    from sklearn.metrics import roc_auc_score

    return _one_against_rest(roc_auc_score, true, predicted, of_one_class=0.5)


def average_precision(true: np.ndarray, predicted: Predicted) -> float:
    """The mean over classes of the area under the curve of precision over recall."""
    from sklearn.metrics import average_precision_score

    return _one_against_rest(average_precision_score, true, predicted, of_one_class=1.0)


def log_loss(true: np.ndarray, predicted: Predicted) -> float:
    """Minus the mean logarithm of the probability given to the true class."""
    from sklearn.metrics import log_loss

    assert predicted.probabilities is not None
    classes = np.arange(predicted.probabilities.shape[1])
    return float(
        log_loss(true, predicted.probabilities, labels=classes, sample_weight=predicted.weights)
    )


def calibration(true: np.ndarray, predicted: Predicted) -> float:
    """How far the probability of the predicted class is from the share that is right."""
    assert predicted.confidence is not None
    return calibration_error(predicted.values == true, predicted.confidence, predicted.weights)


def _mean_over_classes(
    score: Callable[..., float], true: np.ndarray, predicted: Predicted
) -> float:
    """Over those classes that some row has."""
    return float(
        score(
            true, predicted.values, labels=np.unique(true), average="macro",
            sample_weight=predicted.weights, zero_division=0.0,
        )
    )  # fmt: skip


def _one_against_rest(
    score: Callable[..., float],
    true: np.ndarray,
    predicted: Predicted,
    of_one_class: float,
) -> float:
    assert predicted.probabilities is not None
    classes = np.unique(true)
    if len(classes) == 1:
        return of_one_class
    return float(
        np.mean(
            [
                score(true == c, predicted.probabilities[:, c], sample_weight=predicted.weights)
                for c in classes
            ]
        )
    )


METRICS = (
    Metric("accuracy", "accuracy in %", "Accuracy", True, accuracy),
    Metric("balanced_accuracy", "balanced accuracy in %", "Balanced accuracy", True,
           balanced_accuracy),
    Metric("macro_f1", "macro F1 in %", "Macro F1", True, macro_f1),
    Metric("auroc", "AUROC in %", "AUROC", True, auroc),
    Metric("average_precision", "average precision in %", "Average precision", True,
           average_precision),
    Metric("log_loss", "log loss", "Log loss", False, log_loss, less_is_better=True),
    Metric("calibration_error", "calibration error in %", "Calibration error", True, calibration,
           less_is_better=True),
)  # fmt: skip
