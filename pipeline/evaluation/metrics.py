"""What each task is scored by."""

import numpy as np

from pipeline.config.data import Task

METRICS: dict[Task, str] = {"classification": "accuracy", "multilabel": "f1", "regression": "r2"}
WORDS = {"accuracy": "accuracy in %", "f1": "F1 in %", "r2": "R squared"}
"""What a metric is called where people read its values."""
NAMES = {"accuracy": "Accuracy", "f1": "F1", "r2": "R squared"}
"""What a heading calls it."""
PERCENT = ("accuracy", "f1")
"""Metrics that people read in per cent."""


def score(task: Task, targets: np.ndarray, predictions: np.ndarray) -> float:
    """Accuracy of classes (rows,); F1 of labels (rows, labels); R squared of numbers (rows,).

    F1 is micro-averaged: rows and labels count together, so that rare labels weigh little. It is 0
    where nothing is true and nothing predicted. R squared of a constant target, whose variance
    cannot be explained, is 1 for exact predictions and 0 for others, as scikit-learn has it.
    """
    match task:
        case "classification":
            return float(np.mean(predictions == targets))
        case "multilabel":
            from sklearn.metrics import f1_score  # takes a second to import

            return float(f1_score(targets, predictions, average="micro", zero_division=0.0))
        case "regression":
            errors = np.sum(np.square(targets - predictions), dtype="float64")
            if np.ptp(targets) == 0:
                return float(errors == 0)
            spread = np.sum(np.square(targets - targets.mean()), dtype="float64")
            return float(1 - errors / spread)
