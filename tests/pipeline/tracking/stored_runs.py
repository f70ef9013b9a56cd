"""Runs to be looked for, and where their artifacts lie."""

from pathlib import Path

from pipeline.tracking.tracker import Tracker

PARENT = "mlflow.parentRunId"
DID_THE_WORK = {"key": "k", "cached": False}


def stored(tracker: Tracker, run_id: str, name: str) -> Path:
    """Where an artifact lies on disk."""
    uri = tracker.client.get_run(run_id).info.artifact_uri
    return Path(uri.removeprefix("file://"), name)


def finished_run(tracker: Tracker, tags=DID_THE_WORK, file: Path | None = None) -> str:
    with tracker.stage("name", "pretrain", None, tags) as run:
        if file:
            run.artifact(file)
    return run.run_id


class StoppedError(Exception):
    """The work ends in the middle."""
