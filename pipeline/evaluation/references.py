"""Reference models from scikit-learn, on the same label subsets as the arms.

Each is tuned over a small grid on the same validation rows as the arms, and like them fitted again
with the best settings where the label budget includes validation rows.
"""

import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from pipeline.data.rows.streamed import Rows, blocks_of
from pipeline.data.trial_rows import STANDARDIZED_ON, Labelled, Parts
from pipeline.tasks.task import Coding, Reference, Task

EXPLAINED = 0.95
"""The share of the unlabelled rows' variance that the principal components keep."""


ONE_THREAD = 10_000
"""Labels up to which boosting has one thread. Its threads wait for each other at every step of
every tree: on cores that have other work too, a small table then takes a hundred times as long."""


class Fitted(NamedTuple):
    """The outcome of a reference model."""

    score: float
    """Accuracy, F1 or R squared, as the task has it, on the test rows."""
    validation_score: float
    settings: dict[str, Any]
    """The best of the grid."""
    predictions: np.ndarray
    """Of the test rows, as numbers (see the task)."""


def fit_reference(name: str, parts: Parts, task: Task, seed: int) -> Fitted:
    """Tune on the validation rows, score on the test rows. The budget's targets are all it knows.

    `name` is one of the task's models, or `pca_svm`, a kernel machine on principal components.
    """
    coding = task.coding(parts.train.targets)
    model, grid = _reference(name, parts, task, seed)
    best: tuple[float, dict[str, Any], BaseEstimator] | None = None
    for settings in ParameterGrid(grid):
        fitted = _fit(model, settings, parts.train, coding)
        predictions = coding.decode(_predict(fitted, parts.validation.rows))
        found = task.score(parts.validation.targets, predictions)
        if best is None or found > best[0]:
            best = (found, settings, fitted)
    assert best is not None
    validation_score, settings, fitted = best
    if parts.refit:
        coding = task.coding(parts.refit.targets)
        fitted = _fit(model, settings, parts.refit, coding)
    predictions = coding.decode(_predict(fitted, parts.test.rows))
    test_score = task.score(parts.test.targets, predictions)
    return Fitted(test_score, validation_score, settings, predictions)


def _reference(name: str, parts: Parts, task: Task, seed: int) -> Reference:
    models = task.references(seed, len(parts.train.rows))
    if name != "pca_svm":
        return models[name]
    # As many rows as the codes are standardised on, however many fine-tuning reads.
    components = PCA(EXPLAINED, random_state=seed).fit(parts.unlabelled[:STANDARDIZED_ON])
    machine = models["svm_rbf"]
    steps = [("components", FrozenEstimator(components)), ("machine", machine.model)]
    return Reference(Pipeline(steps), machine.inside("machine"))


def _predict(model: BaseEstimator, rows: Rows) -> np.ndarray:
    return np.concatenate([model.predict(block) for _, block in blocks_of(rows)])


def _fit(
    untrained: BaseEstimator, settings: dict[str, Any], labelled: Labelled, coding: Coding
) -> BaseEstimator:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fixed number of passes is a setting
        # A label that applies to no row of a small subset, or to all, is predicted so.
        warnings.filterwarnings("ignore", "Label not .* is present in all", UserWarning)
        model = clone(untrained).set_params(**settings)
        with threadpool_limits(1 if len(labelled.rows) <= ONE_THREAD else None, "openmp"):
            return model.fit(labelled.rows, coding.encode(labelled.targets))
