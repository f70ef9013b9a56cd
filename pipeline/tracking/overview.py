"""What runs there are and how far they have come, as `layerwise status` shows it."""

import json
from typing import Any, NamedTuple

from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from pipeline.tracking.processes import is_dead
from pipeline.tracking.runs import SHORTENED, TAG
from pipeline.tracking.search import WHOLE_RUN, all_runs
from pipeline.tracking.store import database_file, open_store, tracking_uri

SHOWN = 10
"""The latest runs; those before them are on MLflow's page."""


class LevelProgress(NamedTuple):
    """Where the level in training stands."""

    stage: str
    """Its name."""
    epoch: int
    """The last one whose loss is known; 0 at the beginning."""
    epochs: int | None
    """In all; unknown until the first of its reports."""
    loss: float | None


class RunStatus(NamedTuple):
    """One run of the whole pipeline."""

    run_id: str
    experiment: str
    state: str
    """`running`, `finished`, `failed`, `killed`; `dead`: running, but its process is gone; or
    `shortened` by a time limit."""
    done: int
    """Stages."""
    stages: int | None
    """In all; unknown until the data are read."""
    level: LevelProgress | None
    """The level in training, while the run is at one."""
    began: float
    """Seconds since the epoch."""
    verdicts: dict[str, str] | None
    """By label budget, of a finished run."""


def latest_runs() -> list[RunStatus]:
    """The latest runs of all experiments, the latest first; none where there is no store yet.

    Raises `InputError` where a store is configured that does not answer.
    """
    file = database_file(tracking_uri())
    if file and not file.exists():
        return []
    client = open_store()
    experiments = {e.experiment_id: e.name for e in client.search_experiments()}
    runs = client.search_runs(
        list(experiments),
        WHOLE_RUN,
        max_results=SHOWN,
        order_by=["attributes.start_time DESC"],
    )
    return [_status(client, run, experiments[run.info.experiment_id]) for run in runs]


def _status(client: MlflowClient, run: Run, experiment: str) -> RunStatus:
    state, tags = run.info.status.lower(), run.data.tags
    if state == "running" and is_dead(tags[TAG + "process"]):
        state = "dead"
    finished = state == "finished"
    if SHORTENED in tags:
        state = "shortened"
    stages = int(tags[TAG + "stages"]) if TAG + "stages" in tags else None
    whole = state == "finished"
    children = (
        []
        if whole
        else all_runs(
            client, [run.info.experiment_id], f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{run.info.run_id}'"
        )
    )
    done = sum(child.info.status == "FINISHED" for child in children)
    verdicts = tags.get(TAG + "verdicts") if finished else None
    return RunStatus(
        run_id=run.info.run_id,
        experiment=experiment,
        state=state,
        done=stages if whole and stages else done,
        stages=stages,
        level=_level(client, children) if state == "running" else None,
        began=run.info.start_time / 1000,
        verdicts=json.loads(verdicts) if verdicts else None,
    )


def _level(client: MlflowClient, children: list[Run]) -> LevelProgress | None:
    for child in children:
        if child.info.status == "RUNNING" and child.data.tags[TAG + "stage"] == "pretrain":
            losses = client.get_metric_history(child.info.run_id, "loss")
            last: Any = max(losses, key=lambda loss: loss.step, default=None)
            return LevelProgress(
                stage=child.info.run_name,
                epoch=last.step if last else 0,
                epochs=int(epochs) if (epochs := child.data.tags.get(TAG + "epochs")) else None,
                loss=last.value if last else None,
            )
    return None
