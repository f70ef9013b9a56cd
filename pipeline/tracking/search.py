"""Searching MLflow for finished runs."""

from collections.abc import Sequence

from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from pipeline.tracking.runs import TAG

WHOLE_RUN = f"tags.`{TAG}stage` = 'run'"
"""A run of the whole pipeline."""


def latest_finished(
    client: MlflowClient, condition: str, experiment_ids: Sequence[str] | None = None
) -> Run | None:
    """The run that began last of the finished ones that meet a condition; by default anywhere."""
    if experiment_ids is None:
        experiment_ids = [found.experiment_id for found in client.search_experiments()]
    runs = client.search_runs(
        list(experiment_ids),
        f"{condition} and attributes.status = 'FINISHED'",
        max_results=1,
        order_by=["attributes.start_time DESC"],
    )
    return runs[0] if runs else None


def finished_children(client: MlflowClient, experiment_id: str, parent: str) -> list[Run]:
    """The finished stages of a run, the first begun first."""
    of_parent = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}'"
    return all_runs(client, [experiment_id], f"{of_parent} and attributes.status = 'FINISHED'")


def all_runs(client: MlflowClient, experiment_ids: Sequence[str], condition: str) -> list[Run]:
    """All runs that meet a condition, the first begun first."""
    found: list[Run] = []
    token = None
    while token is None or token:
        page = client.search_runs(
            list(experiment_ids),
            condition,
            page_token=token,
            order_by=["attributes.start_time ASC"],
        )
        found += page
        token = page.token or ""
    return found
