"""A fit of an estimator in the MLflow run that its user has started, in the user's own store."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from pipeline.tracking.runs import StageRun, flat

CONFIG = "config.yaml"
"""The artifact with which the command trains the same."""


@contextmanager
def run_of_fit(params: Mapping[str, Any], config: str, nested: bool) -> Iterator[StageRun | None]:
    """The run that a fit is logged in, with its parameters and its config; None if none is active.

    It is the active run, or one nested in it: where `nested` says so, or the active run has one of
    these parameters already, which MLflow lets nobody change. A store that fails once all is
    trained is warned of: what was learned is not lost for it.
    """
    active = mlflow.active_run()
    if active is None:
        yield None
        return
    client = MlflowClient()
    taken = client.get_run(active.info.run_id).data.params
    if nested or any(name in taken for name, _ in flat(params)):
        with mlflow.start_run(run_name=str(params["estimator"]), nested=True) as own:
            yield from _logged(StageRun(client, own.info.run_id), params, config)
    else:
        yield from _logged(StageRun(client, active.info.run_id), params, config)


def _logged(run: StageRun, params: Mapping[str, Any], config: str) -> Iterator[StageRun]:
    run.params(params)
    run.page(CONFIG, config)
    yield run
    try:
        run.flush()
    except MlflowException as error:
        warnings.warn(f"MLflow has not all metrics of the fit: {error}", stacklevel=8)
