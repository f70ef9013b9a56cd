"""Which process a run belongs to, and the runs of those that were killed."""

import socket
from pathlib import Path

import psutil
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from pipeline.tracking.runs import TAG
from pipeline.tracking.tracker import Tracker


def this_process() -> str:
    """The identity of this process: machine, number, and when it began."""
    return _process(psutil.Process())


def close_dead_runs(tracker: Tracker, successor: str) -> list[str]:
    """Close as KILLED what processes of this machine left open when they were killed.

    Stages too that a run could not close itself, because the store had no room for it. Gives
    back the ids of the dead pipeline runs.
    """
    opened = [
        run
        for run in tracker.client.search_runs(
            [tracker.experiment_id], "attributes.status = 'RUNNING'"
        )
        if TAG + "stage" in run.data.tags
    ]
    parents = {run.info.run_id: run for run in opened if TAG + "process" in run.data.tags}
    dead = [
        run_id
        for run_id, run in parents.items()
        if run_id != successor and is_dead(run.data.tags[TAG + "process"])
    ]
    alive = set(parents) - set(dead)
    for run in opened:
        parent = run.data.tags.get(MLFLOW_PARENT_RUN_ID)
        if run.info.run_id in dead or (parent and parent not in alive):
            tracker.client.set_tag(run.info.run_id, TAG + "continued_by", successor)
            tracker.client.set_terminated(run.info.run_id, "KILLED")
    return dead


def close_killed_stages(tracker: Tracker, parent: str) -> None:
    """Close as KILLED the stages of a run that ends, left open by workers that were killed."""
    condition = f"attributes.status = 'RUNNING' and tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}'"
    for stage in tracker.client.search_runs([tracker.experiment_id], condition):
        tracker.client.set_terminated(stage.info.run_id, "KILLED")


def has_ended(tracker: Tracker, run_id: str) -> bool:
    """Whether it is a run of this store that goes on no more."""
    try:
        return tracker.client.get_run(run_id).info.status != "RUNNING"
    except MlflowException:
        return False


def is_dead(process: str) -> bool:
    """Whether it was one of this machine and is no more; of another machine nobody can tell."""
    return _is_of_this_machine(process) and not is_alive(process)


def is_alive(process: str) -> bool:
    """Whether it is one of this machine and goes on; of another machine nobody can tell."""
    if not _is_of_this_machine(process):
        return False
    _, number, _ = process.rsplit(" ", 2)
    try:
        found = psutil.Process(int(number))
        return _process(found) == process and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_of_this_machine(process: str) -> bool:
    return process.rsplit(" ", 2)[0] == _host()


def _process(process: psutil.Process) -> str:
    return f"{_host()} {process.pid} {process.create_time():.2f}"


def _host() -> str:
    """This machine; a container is one of its own, because it numbers its processes anew.

    Its name does not tell: one on the network of its host has the host's (`--network host`).
    """
    try:
        return f"{socket.gethostname()}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # not Linux
        return socket.gethostname()
