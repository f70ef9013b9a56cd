"""Models of scikit-learn's that find anomalies, on the same rows as the arms."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.svm import OneClassSVM
from threadpoolctl import threadpool_limits

from pipeline.config.finetune import KNOWING
from pipeline.data.detection_rows import DetectionRows
from pipeline.data.rows.streamed import Rows, blocks_of
from pipeline.data.trial_rows import Labelled
from pipeline.evaluation.measured import Measured, measured
from pipeline.tasks.metric import Metric, Predicted
from pipeline.tasks.task import Task

NEIGHBOURS = 5
EXPLAINED = 0.9
"""Of the variance, by principal components."""
LEAVES = (1, 3, 10, 20)
"""Rows of a leaf at least, of trees that learn from known anomalies."""
KERNEL_ROWS = 5_000
"""That a kernel machine learns from, whose cost grows with their square."""


class DistanceToNeighbours(BaseEstimator):
    """Minus the mean distance to the nearest rows that it was fitted to."""

    def fit(self, rows: np.ndarray) -> "DistanceToNeighbours":
        """Keep the rows (rows, features)."""
        self.found_ = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(rows))).fit(rows)
        return self

    def score_samples(self, rows: np.ndarray) -> np.ndarray:
        """(rows,), greater for rows that are more normal."""
        return -self.found_.kneighbors(rows)[0].mean(axis=1)


class DistanceFromComponents(BaseEstimator):
    """Minus the squared distance of rows from the principal components of others."""

    def fit(self, rows: np.ndarray) -> "DistanceFromComponents":
        """Find the components of rows (rows, features)."""
        self.found_ = PCA(EXPLAINED).fit(rows)
        return self

    def score_samples(self, rows: np.ndarray) -> np.ndarray:
        """(rows,), greater for rows that are more normal."""
        again = self.found_.inverse_transform(self.found_.transform(rows))
        return -np.square(rows - again).sum(axis=1)


def fit_detector(
    name: str, parts: DetectionRows, task: Task, metric: Metric, seed: int
) -> Measured:
    """Fit a model to normal rows and score the test rows, by the metrics of scores.

    Those that learn from known anomalies too are fitted with each size of leaf, of which the
    validation rows choose.
    """

    def found(part: Labelled, model: BaseEstimator) -> tuple[np.ndarray, Predicted]:
        return part.targets, _predicted(model, part)

    with threadpool_limits(1):
        fitted = _knowing(name, parts, seed) if name in KNOWING else [_unknowing(name, parts, seed)]
        of_validation = [found(parts.validation, model) for model in fitted]
        merits = [metric.merit(metric.score(*each)) for each in of_validation]
        best = int(np.argmax(merits))
        test = found(parts.test, fitted[best])
    return measured(task, metric, of_validation[best], test)


class ProbabilityOfNormal(BaseEstimator):
    """A classifier of 0 for normal rows and 1 for anomalies, as a detector."""

    def __init__(self, classifier: BaseEstimator):
        self.classifier = classifier

    def fit(self, rows: np.ndarray, anomalous: np.ndarray) -> "ProbabilityOfNormal":
        """Learn from rows (rows, features) and whether they are anomalies (rows,)."""
        self.classifier.fit(rows, anomalous)
        return self

    def score_samples(self, rows: np.ndarray) -> np.ndarray:
        """(rows,), greater for rows that are more normal."""
        return self.classifier.predict_proba(rows)[:, 0]


def _knowing(name: str, parts: DetectionRows, seed: int) -> list[BaseEstimator]:
    """The model with each size of leaf; both kinds of row count alike."""
    kind: Any = HistGradientBoostingClassifier if name == "boosting" else RandomForestClassifier
    rows = np.concatenate([parts.normal, parts.known])
    anomalous = np.repeat([0, 1], [len(parts.normal), len(parts.known)])
    return [
        ProbabilityOfNormal(
            kind(min_samples_leaf=leaf, class_weight="balanced", random_state=seed)
        ).fit(rows, anomalous)
        for leaf in LEAVES
    ]


def _unknowing(name: str, parts: DetectionRows, seed: int) -> BaseEstimator:
    rows = parts.normal
    if name == "one_class_svm" and len(rows) > KERNEL_ROWS:
        rows = parts.references
    return _model(name, seed).fit(rows)


def _model(name: str, seed: int) -> BaseEstimator:
    match name:
        case "neighbours":
            return DistanceToNeighbours()
        case "isolation_forest":
            return IsolationForest(random_state=seed)
        case "local_outlier_factor":
            return LocalOutlierFactor(novelty=True)
        case "one_class_svm":
            return OneClassSVM()
        case "components":
            return DistanceFromComponents()
        case _:
            return EllipticEnvelope(random_state=seed)


def _predicted(model: BaseEstimator, part: Labelled) -> Predicted:
    scores = -_scores(model, part.rows)
    return Predicted(np.column_stack([scores, np.full(len(scores), np.nan)]), None, part.weights)


def _scores(model: BaseEstimator, rows: Rows) -> np.ndarray:
    return np.concatenate([model.score_samples(block) for _, block in blocks_of(rows)])
