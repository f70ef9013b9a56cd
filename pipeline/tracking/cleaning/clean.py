"""Removing what old runs stored: weights, exports, versions of models, checkpoints, scratch.

What goes is marked first and the runs are looked at again, so that one that takes it for its own at
this moment keeps it. A cleaning that is killed is taken up by the next.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from pipeline.errors import InputError, nearest
from pipeline.tracking.cleaning.cleanable import Cleanable, RunRecord, StageRecord, cleanable
from pipeline.tracking.cleaning.removal import (
    Removed,
    remove_artifacts,
    remove_checkpoint,
    remove_export,
    remove_folder,
)
from pipeline.tracking.processes import is_dead
from pipeline.tracking.runs import CLEANED, SHORTENED, TAG, FinishedRun, finished_run
from pipeline.tracking.search import all_runs
from pipeline.tracking.store import open_store, scratch_folder

WEIGHTS = ".keras"
LOGGED_MODEL = re.compile(r"m-[0-9a-f]{32}")
"""The id of one, in its address and in the path of where it lies."""
MARKED = "marked"
"""The tag of a stage whose weights are about to go; afterwards it says when they went."""


def clean(keep: int, experiment: str | None, dry_run: bool) -> Iterator[Removed]:
    """Remove what old runs stored, and tell of each thing when it is gone.

    The latest `keep` finished runs of each experiment, or of the named one alone, stay whole, with
    all that they were computed from, and whatever an alias names. Raises `InputError` without a
    store, or for an experiment that is not in it.
    """
    client = open_store()
    experiments = {e.experiment_id: e.name for e in client.search_experiments()}
    if experiment and experiment not in experiments.values():
        known = set(experiments.values()) - {"Default"}
        raise InputError(f"There is no experiment {experiment!r}.{nearest(experiment, known)}")

    def look() -> tuple[dict[str, Run], Cleanable]:
        found = all_runs(client, list(experiments), f"tags.`{TAG}stage` != ''")
        runs = {run.info.run_id: run for run in found}
        return runs, cleanable(_records(runs, experiments), _aliased(client), keep, experiment)

    runs, may_go = look()
    if not dry_run:
        for run_id in may_go.stages:
            client.set_tag(run_id, CLEANED, MARKED)
        runs, may_go = look()
        for run_id, run in runs.items():
            if run.data.tags.get(CLEANED) == MARKED and run_id not in may_go.stages:
                client.delete_tag(run_id, CLEANED)
    for run in runs.values():
        if run.info.run_id in may_go.stages:
            yield from _remove_of_stage(client, run, _users(runs, run), dry_run)
    for folder in sorted(may_go.folders):
        yield from remove_export(Path(folder), _digests(runs, folder), dry_run)
    scratch = scratch_folder()
    for run_id in sorted(may_go.scratch):
        yield from remove_folder(f"scratch of run {run_id}", scratch / run_id, dry_run)
    for file in sorted((scratch / "checkpoints").glob("*.npz")):
        if file.stem.partition("-")[0] in may_go.checkpoints:
            yield from remove_checkpoint(file, dry_run)


def _remove_of_stage(
    client: MlflowClient, run: Run, users: list[str], dry_run: bool
) -> Iterator[Removed]:
    """The weights and the logged model of a stage. It and the runs that used it say so."""
    what = f"{run.info.run_name} of run {run.data.tags[MLFLOW_PARENT_RUN_ID]}"
    yield from remove_artifacts(what, run.info.artifact_uri, WEIGHTS, dry_run)
    if uri := run.data.tags.get(TAG + "logged_model"):
        yield from _remove_model(client, what, uri, dry_run)
    if not dry_run:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        for run_id in (*users, run.info.run_id):
            client.set_tag(run_id, CLEANED, now)


def _remove_model(client: MlflowClient, what: str, uri: str, dry_run: bool) -> Iterator[Removed]:
    """A logged model, and the versions of registered models that are it; none has an alias."""
    model_id = uri.removeprefix("models:/")
    try:
        model = client.get_logged_model(model_id)
    except MlflowException:
        return  # it went before
    if uri in _aliased(client):
        return  # named at this moment
    for version in [version for version in _versions(client) if _model(client, version) == uri]:
        if not dry_run:
            client.delete_model_version(version.name, str(version.version))
        yield Removed(f"version {version.version} of registered model {version.name}", 0)
    yield from remove_artifacts(f"model of {what}", model.artifact_location, "", dry_run)
    if not dry_run:
        client.delete_logged_model(model_id)


def _users(runs: dict[str, Run], maker: Run) -> list[str]:
    """The runs that have a stage as one of theirs, whether they computed it or not.

    Without those that somebody deleted in MLflow, which take no tag.
    """
    found = [maker.data.tags[MLFLOW_PARENT_RUN_ID]]
    for run in runs.values():
        if run.data.tags.get(TAG + "cached_from") == maker.info.run_id:
            found.append(run.data.tags[MLFLOW_PARENT_RUN_ID])
    return [run_id for run_id in found if run_id in runs]


def _records(runs: dict[str, Run], experiments: dict[str, str]) -> list[RunRecord]:
    stages: dict[str, list[StageRecord]] = {}
    for run in runs.values():
        if parent := run.data.tags.get(MLFLOW_PARENT_RUN_ID):
            stages.setdefault(parent, []).append(_stage(finished_run(run), run.info.status))
    return [
        RunRecord(
            run_id=run_id,
            experiment=experiments[run.info.experiment_id],
            state=_state(run),
            began=run.info.start_time,
            stages=tuple(stages.get(run_id, ())),
            started_from=run.data.tags.get(TAG + "started_from"),
        )
        for run_id, run in runs.items()
        if run.data.tags[TAG + "stage"] == "run"
    ]


def _state(run: Run) -> Any:
    if run.info.status == "RUNNING":
        return "ended" if is_dead(run.data.tags[TAG + "process"]) else "running"
    whole = run.info.status == "FINISHED" and SHORTENED not in run.data.tags
    return "finished" if whole else "ended"


def _stage(stage: FinishedRun, status: str) -> StageRecord:
    tags = stage.tags
    stored = any(name.endswith(WEIGHTS) for name in json.loads(tags.get("digests", "{}")))
    return StageRecord(
        run_id=stage.run_id,
        key=tags.get("key", ""),
        finished=status == "FINISHED",
        made_by=stage.made_by,
        weights=stage.made_by == stage.run_id
        and (stored or "logged_model" in tags)
        and tags.get("cleaned", MARKED) == MARKED,
        model=tags.get("logged_model"),
        folder=tags.get("path"),
    )


def _aliased(client: MlflowClient) -> set[str]:
    """The addresses of the logged models that an alias names."""
    models = _pages(lambda token: client.search_registered_models(page_token=token))
    named = {(model.name, str(n)) for model in models for n in model.aliases.values()}
    found = (_model(client, client.get_model_version(*version)) for version in named)
    return set(filter(None, found))


def _model(client: MlflowClient, version: Any) -> str | None:
    """The address of the logged model that a version is, or is a copy of; None for another kind.

    A copy's source is the version that was copied, which may be gone: where it lies tells.
    """
    found = LOGGED_MODEL.search(version.source)
    if not found:
        place = client.get_model_version_download_uri(version.name, str(version.version))
        found = LOGGED_MODEL.search(place)
    return f"models:/{found[0]}" if found else None


def _versions(client: MlflowClient) -> Iterator[Any]:
    """All of them, without their aliases, which MLflow leaves out here."""
    yield from _pages(lambda token: client.search_model_versions(page_token=token))


def _pages(page_of: Callable[[str | None], Any]) -> Iterator[Any]:
    token = None
    while token is None or token:
        page = page_of(token)
        yield from page
        token = page.token or ""


def _digests(runs: dict[str, Run], folder: str) -> set[str]:
    """What exports that were stored at a place have as their digests."""
    tags = [run.data.tags for run in runs.values()]
    return {found[TAG + "saved_model"] for found in tags if found.get(TAG + "path") == folder}
