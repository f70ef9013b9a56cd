"""Whether a fit is logged in MLflow: where its user has a run there."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from pipeline.config.schema import RunConfig
from pipeline.estimators.progress import Log

if TYPE_CHECKING:
    from pipeline.estimators.base import StackedEstimator

CLONES: "WeakSet[StackedEstimator]" = WeakSet()
"""Estimators that scikit-learn made of others, as it does in a search."""


@contextmanager
def logged(estimator: "StackedEstimator", config: RunConfig) -> Iterator[Log | None]:
    """What metrics of a fit go to; None where no MLflow run is active.

    Whoever has a run has imported MLflow: it is not imported for anybody else.
    """
    if "mlflow" not in sys.modules:
        yield None
        return
    from pipeline.tracking.active_run import run_of_fit

    params = {"estimator": type(estimator).__name__, **_params(config)}
    with run_of_fit(params, estimator.config(), estimator in CLONES) as run:
        yield run.metrics if run else None
        if run:
            validation = {"validation_score": estimator.validation_score_}
            run.metrics(estimator.scores_ | validation)


def _params(config: RunConfig) -> dict[str, Any]:
    """What of a config decides a network."""
    params = {
        "seed": config.seed,
        "task": config.task.model_dump(mode="json"),
        "data": config.data.splitting().model_dump(mode="json"),
        "stack": [level.model_dump(mode="json") for level in config.stack],
    }
    if config.task.needs_labels:
        params["finetune"] = config.finetune.model_dump(mode="json")
    return params
