"""Whether a server that runs shows the store that this folder's runs are in."""

from typing import Any

from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from pipeline.tracking.store import open_store


def shows_this_store(address: str) -> bool | None:
    """Whether the MLflow server there has the database of `tracking_uri`; None: it does not say.

    It does not name its database. But each has a first experiment, made at a millisecond of its
    own, with a folder of its own.
    """
    try:
        shown = _first_experiment(MlflowClient(address))
    except MlflowException:  # it wants a password
        return None
    return shown == _first_experiment(open_store())


def _first_experiment(client: MlflowClient) -> list[tuple[Any, ...]]:
    found = client.search_experiments(
        view_type=ViewType.ALL, max_results=1, order_by=["creation_time ASC"]
    )
    return [(one.experiment_id, one.creation_time, one.artifact_location) for one in found]
