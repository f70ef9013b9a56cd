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
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC, SVR

from pipeline.config import Reference
from pipeline.trials import Labelled, Parts

EXPLAINED = 0.95
"""The share of the unlabelled rows' variance that the principal components keep."""
REGULARIZATION = [0.3, 1, 3, 10, 30]
"""The values of C that kernel machines try."""


class Fitted(NamedTuple):
    """The outcome of a reference model."""

    score: float
    """Accuracy, or R squared for a regression, on the test rows."""
    validation_score: float
    settings: dict[str, Any]
    """The best of the grid."""
    predictions: np.ndarray
    """Class numbers or standardised targets for the test rows."""


def fit_reference(reference: Reference, parts: Parts, classes: int, seed: int) -> Fitted:
    """Tune on the validation rows, score on the test rows; `classes` is 0 for a regression."""
    untrained, grid = _model_and_grid(reference, parts.unlabelled, bool(classes), seed)
    best: tuple[float, dict[str, Any], BaseEstimator] | None = None
    for settings in ParameterGrid(grid):
        model = _fit(untrained, settings, parts.train)
        score = model.score(*parts.validation)
        if best is None or score > best[0]:
            best = (score, settings, model)
    assert best is not None
    validation_score, settings, model = best
    if parts.refit:
        model = _fit(untrained, settings, parts.refit)
    return Fitted(
        float(model.score(*parts.test)),
        float(validation_score),
        settings,
        model.predict(parts.test.rows),
    )


def _model_and_grid(
    reference: Reference, unlabelled: np.ndarray, classify: bool, seed: int
) -> tuple[BaseEstimator, dict[str, list[Any]]]:
    """A model and the settings to try."""
    kernel_machine = SVC() if classify else SVR()
    match reference:
        case "logistic" if classify:
            return LogisticRegression(max_iter=500), {"C": [0.01, 0.1, 1, 10]}
        case "logistic":
            return Ridge(), {"alpha": [0.1, 1, 10, 100]}
        case "svm_rbf":
            return kernel_machine, {"C": REGULARIZATION}
        case "pca_svm":
            components = FrozenEstimator(PCA(EXPLAINED, random_state=seed).fit(unlabelled))
            steps = [("components", components), ("machine", kernel_machine)]
            return Pipeline(steps), {"machine__C": REGULARIZATION}
        case "mlp":
            perceptron = MLPClassifier if classify else MLPRegressor
            return (
                perceptron(max_iter=100, random_state=seed),
                {"hidden_layer_sizes": [(100,), (512, 256)], "alpha": [1e-4, 1e-1]},
            )


def _fit(untrained: BaseEstimator, settings: dict[str, Any], labelled: Labelled) -> BaseEstimator:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fixed number of passes is a setting
        return clone(untrained).set_params(**settings).fit(*labelled)
