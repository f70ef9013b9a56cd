"""What a model of scikit-learn's gives for rows, in the shape of a network's outputs.

So that its probabilities are made, and calibrated, as a network's are.
"""

from typing import Any

import numpy as np
from scipy.special import log_softmax, logit
from sklearn.base import is_classifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline

CERTAIN = 1e-6
"""The least probability: trees and neighbours say never and always."""


def outputs_of(model: Any, rows: np.ndarray, outputs: int, several: bool) -> np.ndarray:
    """Logits of classes or of `several` labels, or a number: float64 (rows, outputs).

    A kernel machine's distances from its boundary stand for logits. A class of which the model has
    seen no row is next to impossible.
    """
    if isinstance(model, Pipeline):
        return outputs_of(model[-1], model[:-1].transform(rows), outputs, several)
    if not is_classifier(model):
        return np.asarray(model.predict(rows), "float64")[:, None]
    if several:
        return _of_labels(model, rows)
    logits = np.full((len(rows), outputs), np.log(CERTAIN))
    logits[:, model.classes_.astype(int)] = _of_classes(model, rows)
    return logits


def _of_classes(model: Any, rows: np.ndarray) -> np.ndarray:
    """Logarithms of probabilities (rows, classes that the model has seen)."""
    if not hasattr(model, "decision_function"):
        return np.log(np.maximum(model.predict_proba(rows), CERTAIN))
    found = model.decision_function(rows)
    if found.ndim == 1:
        found = np.column_stack([np.zeros(len(rows)), found])
    return log_softmax(found.astype("float64"), axis=1)


def _of_labels(model: Any, rows: np.ndarray) -> np.ndarray:
    if isinstance(model, OneVsRestClassifier):
        return np.column_stack([_of_label(label, rows) for label in model.estimators_])
    found = model.predict_proba(rows)
    if isinstance(found, list):  # trees and neighbours: for each label its values that were seen
        pairs = zip(model.classes_, found, strict=True)
        found = np.column_stack([given[:, seen == 1].sum(axis=1) for seen, given in pairs])
    return logit(np.clip(found, CERTAIN, 1 - CERTAIN))


def _of_label(model: Any, rows: np.ndarray) -> np.ndarray:
    """Of a model for one label; of one that always says the same, that it is certain."""
    if hasattr(model, "classes_") and hasattr(model, "decision_function"):
        return np.asarray(model.decision_function(rows), "float64")
    return logit(np.clip(model.predict_proba(rows)[:, 1], CERTAIN, 1 - CERTAIN))
