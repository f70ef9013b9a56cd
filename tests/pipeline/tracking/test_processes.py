"""What a killed process leaves behind is closed."""

import subprocess
import sys

import pytest

from pipeline.tracking.processes import close_dead_runs, this_process
from pipeline.tracking.tracker import Tracker


def test_what_a_dead_process_left_running_is_closed_as_killed(uri):
    tracker = Tracker(uri, "left")
    alive = this_process()
    machine, number, began = alive.split()

    def left_open(process: str) -> tuple[str, str]:
        parent = tracker.start("left", "run", None, {"process": process})
        return parent.run_id, tracker.start("level", "pretrain", parent.run_id, {}).run_id

    reused_number = left_open(f"{machine} {number} {float(began) - 100:.2f}")
    no_such_number = left_open(f"{machine} 4194305 {began}")
    still_alive = left_open(alive)
    elsewhere = left_open(f"another-machine 4194305 {began}")
    successor = tracker.start("left", "run", None, {"process": alive}).run_id

    closed = close_dead_runs(tracker, successor)

    assert set(closed) == {reused_number[0], no_such_number[0]}
    for run_id in (*reused_number, *no_such_number):
        run = tracker.client.get_run(run_id)
        assert run.info.status == "KILLED"
        assert run.data.tags["layerwise.continued_by"] == successor
    for run_id in (*still_alive, *elsewhere, successor):
        assert tracker.client.get_run(run_id).info.status == "RUNNING"


def test_a_stage_that_its_run_could_not_close_is_closed_too(uri):
    tracker = Tracker(uri, "left")
    ended = tracker.start("left", "run", None, {"process": this_process()})
    stage = tracker.start("data", "data", ended.run_id, {})
    tracker.finish(ended, "FAILED")
    foreign = tracker.client.create_run(
        tracker.experiment_id, tags={"mlflow.parentRunId": ended.run_id}
    )
    successor = tracker.start("left", "run", None, {"process": this_process()}).run_id

    assert close_dead_runs(tracker, successor) == []

    assert tracker.client.get_run(stage.run_id).info.status == "KILLED"
    assert tracker.client.get_run(foreign.info.run_id).info.status == "RUNNING"


def test_a_process_outside_of_a_container_is_not_taken_for_dead_in_it():
    apart = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    try:
        subprocess.run([*apart, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine allows no container")
    code = f"from pipeline.tracking.processes import is_dead; print(is_dead({this_process()!r}))"
    told = subprocess.run(
        [*apart, sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert told.stdout == "False\n"
