"""Reference models from scikit-learn, on the same label subsets as the arms.

Each is tuned over a small grid on the same validation rows as the arms, and like them fitted again
with the best settings where the label budget includes validation rows.
"""

import warnings
from typing import Any, Literal, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter
from threadpoolctl import threadpool_limits

from pipeline.data.rows.streamed import blocks_of
from pipeline.data.trial_rows import STANDARDIZED_ON, Labelled, Parts
from pipeline.evaluation.calibration import calibrated_scores, decision_of
from pipeline.evaluation.reference_outputs import outputs_of
from pipeline.tasks.decision import AS_GIVEN, Decision
from pipeline.tasks.metric import Metric, Predicted
from pipeline.tasks.task import Coding, Reference, Task

EXPLAINED = 0.95
"""The share of the unlabelled rows' variance that the principal components keep."""


ONE_THREAD = 10_000
"""Labels up to which a model is fitted by one thread. Several wait for each other after every small
product and every split: on cores that have other work too, a small table then takes up to a hundred
times as long."""


class Fitted(NamedTuple):
    """The outcome of a reference model."""

    score: float
    """By the metric that is compared, on the test rows."""
    scores: dict[str, float]
    """By every metric of the task."""
    validation_score: float
    """By the metric that is compared."""
    settings: dict[str, Any]
    """The best of the grid."""
    predicted: Predicted
    """Of the test rows."""


def fit_reference(
    name: str,
    parts: Parts,
    task: Task,
    seed: int,
    metric: Metric | None = None,
    class_weights: Literal["balanced"] | None = None,
) -> Fitted:
    """Tune on the validation rows, score on the test rows. The budget's targets are all it knows.

    `name` is one of the task's models, or `pca_svm`, a kernel machine on principal components. The
    settings are those that are best by `metric`, by default the task's first. `class_weights` are
    for those models that can weigh classes.
    """
    metric = metric or task.metrics[0]
    coding = task.coding(parts.train.targets)
    outputs = _outputs(parts)
    model, grid = _reference(name, parts, task, seed)
    weighing = [name for name in model.get_params() if name.split("__")[-1] == "class_weight"]
    model.set_params(**dict.fromkeys(weighing, class_weights))
    best: tuple[float, dict[str, Any], BaseEstimator] | None = None
    for settings in ParameterGrid(grid):
        fitted = _fit(model, settings, parts.train, coding)
        predicted = _predicted(task, coding, *_predict(fitted, parts.validation, outputs))
        predicted = predicted._replace(weights=parts.validation.weights)
        found = metric.merit(metric.score(parts.validation.targets, predicted))
        if best is None or found > best[0]:
            best = (found, settings, fitted)
    assert best is not None
    merit, settings, fitted = best
    # Before it is fitted again, on rows that may be those of validation.
    _, found_outputs = _predict(fitted, parts.validation, outputs)
    decision = decision_of(
        task, found_outputs, parts.validation.targets, metric, class_weights,
        parts.validation.weights,
    )  # fmt: skip
    if parts.refit:
        coding = task.coding(parts.refit.targets)
        fitted = _fit(model, settings, parts.refit, coding)
    of_test = _predict(fitted, parts.test, outputs)
    predicted = _predicted(task, coding, *of_test, decision)
    raw = _predicted(task, coding, *of_test)
    scores = calibrated_scores(task, parts.test.targets, predicted, raw, parts.test.weights)
    return Fitted(scores[metric.name], scores, metric.merit(merit), settings, predicted)


def _reference(name: str, parts: Parts, task: Task, seed: int) -> Reference:
    models = task.references(seed, len(parts.train.rows))
    if name != "pca_svm":
        return models[name]
    # As many rows as the codes are standardised on, however many fine-tuning reads.
    components = PCA(EXPLAINED, random_state=seed).fit(parts.unlabelled[:STANDARDIZED_ON])
    machine = models["svm_rbf"]
    steps = [("components", FrozenEstimator(components)), ("machine", machine.model)]
    return Reference(Pipeline(steps), machine.inside("machine"))


def _outputs(parts: Parts) -> int:
    """Of a network in its place: of what there are no rows, nothing need be said."""
    targets = [part.targets for part in (parts.train, parts.validation, parts.test)]
    if targets[0].ndim == 2:
        return int(targets[0].shape[1])
    return 1 + int(max(part.max() for part in targets)) if targets[0].dtype.kind == "i" else 1


def _predict(model: BaseEstimator, asked: Labelled, outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """What the model predicts, coded, and its outputs as a network would give them."""
    several = asked.targets.ndim == 2
    blocks = [block for _, block in blocks_of(asked.rows)]
    values = np.concatenate([model.predict(block) for block in blocks])
    found = np.concatenate([outputs_of(model, block, outputs, several) for block in blocks])
    return values, found


def _predicted(
    task: Task,
    coding: Coding,
    values: np.ndarray,
    outputs: np.ndarray,
    decision: Decision = AS_GIVEN,
) -> Predicted:
    """The model's own predictions, unless thresholds decide."""
    if decision.thresholds:
        return task.predicted(outputs, coding, decision)
    return Predicted(coding.decode(values), task.probabilities(outputs / decision.temperature))


def _fit(
    untrained: BaseEstimator, settings: dict[str, Any], labelled: Labelled, coding: Coding
) -> BaseEstimator:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fixed number of passes is a setting
        # A label that applies to no row of a small subset, or to all, is predicted so.
        warnings.filterwarnings("ignore", "Label not .* is present in all", UserWarning)
        model = clone(untrained).set_params(**settings)
        with threadpool_limits(1 if len(labelled.rows) <= ONE_THREAD else None):
            return model.fit(
                labelled.rows, coding.encode(labelled.targets), **_weights(model, labelled)
            )


def _weights(model: BaseEstimator, labelled: Labelled) -> dict[str, np.ndarray]:
    """The argument of `fit` by which rows are weighed, for models that can."""
    if labelled.weights is None:
        return {}
    step = model.steps[-1] if isinstance(model, Pipeline) else None
    if not has_fit_parameter(step[1] if step else model, "sample_weight"):
        return {}
    name = f"{step[0]}__sample_weight" if step else "sample_weight"
    return {name: labelled.weights / labelled.weights.mean()}
