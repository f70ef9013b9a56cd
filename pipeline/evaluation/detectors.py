"""Models of scikit-learn's that find anomalies, on the same rows as the arms."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.svm import OneClassSVM
from threadpoolctl import threadpool_limits

from pipeline.data.detection_rows import DetectionRows
from pipeline.data.rows.streamed import Rows, blocks_of
from pipeline.data.trial_rows import Labelled
from pipeline.evaluation.measured import Measured, measured
from pipeline.tasks.metric import Metric, Predicted
from pipeline.tasks.task import Task

NEIGHBOURS = 5
EXPLAINED = 0.9
"""Of the variance, by principal components."""
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
    """Fit a model to normal rows and score the test rows, by the metrics of scores."""
    rows = parts.normal
    model = _model(name, seed)
    if name == "one_class_svm" and len(rows) > KERNEL_ROWS:
        rows = parts.references
    with threadpool_limits(1):
        model.fit(rows)
        validation, test = (
            (part.targets, _predicted(model, part)) for part in (parts.validation, parts.test)
        )
    return measured(task, metric, validation, test)


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
