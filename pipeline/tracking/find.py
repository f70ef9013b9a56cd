"""A run that somebody names: by its experiment or by its id."""

import re

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from pipeline.errors import InputError, nearest
from pipeline.tracking.runs import TAG, FinishedRun, finished_run
from pipeline.tracking.search import WHOLE_RUN, latest_finished
from pipeline.tracking.store import open_store, tracking_uri
from pipeline.tracking.tracker import Tracker

_RUN_ID = re.compile(r"[0-9a-f]{32}")


def latest_seconds(client: MlflowClient, kind: str) -> float | None:
    """How long the latest finished stage of a kind took that did the work; None without one."""
    computed = f"tags.`{TAG}stage` = '{kind}' and tags.`{TAG}cached` = 'False'"
    run = latest_finished(client, computed)
    return run.data.metrics["seconds"] if run else None


def open_experiment(name: str | None) -> Tracker:
    """An experiment that exists; without a name that of the latest finished run.

    Raises `InputError` with the nearest name when there is none.
    """
    client = open_store()
    experiments = {e.experiment_id: e.name for e in client.search_experiments()}
    if name is None:
        latest = latest_finished(client, WHOLE_RUN, list(experiments))
        if latest is None:
            raise InputError("No run has finished yet. Start one: layerwise run.")
        name = experiments[latest.info.experiment_id]
    if name not in experiments.values():
        known = set(experiments.values()) - {"Default"}
        raise InputError(f"There is no experiment {name!r}.{nearest(name, known)}")
    return Tracker(tracking_uri(), name)


def find_run(run_id: str) -> tuple[Tracker, FinishedRun]:
    """A finished pipeline run by its id. Raises `InputError` when there is none."""
    client = open_store()
    try:
        run = client.get_run(run_id)
    except MlflowException:
        raise InputError(
            f"There is no run {run_id!r}. Give the run id that `layerwise run` printed."
        ) from None
    found = finished_run(run)
    if found.tags.get("stage") != "run" or run.info.status != "FINISHED":
        raise InputError(f"Run {run_id!r} is not a finished run of the whole pipeline.")
    experiment = client.get_experiment(run.info.experiment_id)
    return Tracker(tracking_uri(), experiment.name), found


def check_run(run_id: str) -> None:
    """Raise `InputError` unless the store of this process is the one that has the run."""
    uri = tracking_uri()
    try:
        open_store().get_run(run_id)
    except (InputError, MlflowException) as error:
        raise InputError(
            f"The run {run_id} is not in its MLflow store, {uri} ({error}). Start it with "
            "MLFLOW_TRACKING_URI of the store that the run is in."
        ) from error


def find(name: str | None) -> tuple[Tracker, FinishedRun]:
    """The latest finished run of an experiment, or a run by its id; by default the latest of all.

    Raises `InputError` when there is neither.
    """
    if name and _RUN_ID.fullmatch(name):
        return find_run(name)
    tracker = open_experiment(name)
    return tracker, tracker.latest()
