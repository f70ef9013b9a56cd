"""Reference models from scikit-learn, on the same label subsets as the arms.

Each is tuned over a small grid on the same validation rows as the arms, and like them fitted again
with the best settings where the label budget takes in validation rows.
"""

import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import ParameterGrid
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC, SVR

from pipeline.config.data import Task
from pipeline.config.finetune import Reference
from pipeline.data.rows.streamed import Rows, blocks_of
from pipeline.data.trial_rows import STANDARDIZED_ON, Labelled, Parts
from pipeline.evaluation.metrics import score

EXPLAINED = 0.95
"""The share of the unlabelled rows' variance that the principal components keep."""
REGULARIZATION = [0.3, 1, 3, 10, 30]
"""The values of C that kernel machines try."""


class Fitted(NamedTuple):
    """The outcome of a reference model."""

    score: float
    """Accuracy, F1 or R squared, as the task has it, on the test rows."""
    validation_score: float
    settings: dict[str, Any]
    """The best of the grid."""
    predictions: np.ndarray
    """Class numbers, labels (rows, labels) or standardised targets of the test rows."""


def fit_reference(reference: Reference, parts: Parts, task: Task, seed: int) -> Fitted:
    """Tune on the validation rows, score on the test rows."""
    # As many rows as the codes are standardised on, however many fine-tuning reads.
    unlabelled = parts.unlabelled[:STANDARDIZED_ON]
    untrained, grid = _model_and_grid(reference, unlabelled, task, seed)
    best: tuple[float, dict[str, Any], BaseEstimator] | None = None
    for settings in ParameterGrid(grid):
        model = _fit(untrained, settings, parts.train)
        found = score(task, parts.validation.targets, _predict(model, parts.validation.rows))
        if best is None or found > best[0]:
            best = (found, settings, model)
    assert best is not None
    validation_score, settings, model = best
    if parts.refit:
        model = _fit(untrained, settings, parts.refit)
    predictions = _predict(model, parts.test.rows)
    test_score = score(task, parts.test.targets, predictions)
    return Fitted(test_score, validation_score, settings, predictions)


def _model_and_grid(
    reference: Reference, unlabelled: np.ndarray, task: Task, seed: int
) -> tuple[BaseEstimator, dict[str, list[Any]]]:
    """A model and the settings to try. Of several labels, each has a model of its own."""
    several = task == "multilabel"

    def each(model: BaseEstimator) -> BaseEstimator:
        return OneVsRestClassifier(model) if several else model

    prefix = "estimator__" if several else ""
    kernel_machine = each(SVR() if task == "regression" else SVC())
    match reference:
        case "logistic" if task == "regression":
            return Ridge(), {"alpha": [0.1, 1, 10, 100]}
        case "logistic":
            return each(LogisticRegression(max_iter=500)), {f"{prefix}C": [0.01, 0.1, 1, 10]}
        case "svm_rbf":
            return kernel_machine, {f"{prefix}C": REGULARIZATION}
        case "pca_svm":
            components = FrozenEstimator(PCA(EXPLAINED, random_state=seed).fit(unlabelled))
            steps = [("components", components), ("machine", kernel_machine)]
            return Pipeline(steps), {f"machine__{prefix}C": REGULARIZATION}
        case "mlp":
            perceptron = MLPRegressor if task == "regression" else MLPClassifier
            return (
                perceptron(max_iter=100, random_state=seed),
                {"hidden_layer_sizes": [(100,), (512, 256)], "alpha": [1e-4, 1e-1]},
            )


def _predict(model: BaseEstimator, rows: Rows) -> np.ndarray:
    return np.concatenate([model.predict(block) for _, block in blocks_of(rows)])


def _fit(untrained: BaseEstimator, settings: dict[str, Any], labelled: Labelled) -> BaseEstimator:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fixed number of passes is a setting
        # A label that applies to no row of a small subset, or to all, is predicted so.
        warnings.filterwarnings("ignore", "Label not .* is present in all", UserWarning)
        return clone(untrained).set_params(**settings).fit(*labelled)
