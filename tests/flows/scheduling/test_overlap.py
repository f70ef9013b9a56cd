"""One run at a time in a real pool, whatever is killed; and one run for all that were missed."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling

from flows.scheduling.deployment import Job, schedule_jobs
from flows.scheduling.overlap import overlap_tags
from flows.scheduling.trigger import trigger_of
from tests.flows.scheduling.conftest import (
    PREFECT,
    PrefectServer,
    deployed,
    going_on,
    runs_of,
    state_of,
    suspend,
    trigger,
    wait_until,
)
from tests.flows.scheduling.naps import nap

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' flow, in the processes that run it."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture(scope="module")
def pool(own_server: PrefectServer) -> str:
    subprocess.run(
        [PREFECT, "work-pool", "create", "naps", "--type", "process"],
        env=os.environ | {"PREFECT_API_URL": own_server.url}, check=True, capture_output=True,
    )  # fmt: skip
    return "naps"


def register(name: str, pool: str, file: Path, seconds: float, tags: Sequence[str] = ()) -> None:
    job = Job(nap, name, {"file": str(file), "seconds": seconds})
    schedule_jobs([job], trigger_of(cron="0 2 1 1 *"), pool, tags)


def written(file: Path) -> list[list[str]]:
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def serving(name: str, file: Path, seconds: float) -> list[str | Path]:
    """The command that serves naps."""
    call = f"serve_naps({name!r}, {str(file)!r}, {seconds})"
    return [sys.executable, "-c", f"from tests.flows.scheduling.naps import serve_naps; {call}"]


def took_turns(file: Path) -> bool:
    """Whether each began after the one before it had ended."""
    lines = written(file)
    return all(
        (begin[0], end[0], begin[1]) == ("begin", "end", end[1])
        for begin, end in zip(lines[::2], lines[1::2], strict=True)
    )


def message_of(run: FlowRun) -> str:
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run.id).state
    return (state and state.message) or ""


@contextmanager
def worker(pool: str, folder: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    with going_on([PREFECT, "worker", "start", "--pool", pool], folder, url) as process:
        yield process


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """As the kernel does it where memory is short: nobody has time to tell anyone."""
    for found in [*psutil.Process(process.pid).children(recursive=True), process]:
        os.kill(found.pid, signal.SIGKILL)
    process.wait()


def begun(deployment: str, file: Path) -> FlowRun:
    """A run that has begun its nap, which it writes into the file; the log is beside it."""
    run = trigger(deployment, "nap")
    wait_until(lambda: written(file), 90, file.parent)
    return run


def waiting(deployment: str, folder: Path) -> FlowRun:
    """A run that waits for its turn."""
    run = trigger(deployment, "nap")
    wait_until(lambda: state_of(run) == "Waiting", 60, folder)
    return run


def test_runs_of_a_pool_wait_for_each_other_and_for_deployments_of_the_same_limit(
    tmp_path: Path, own_server: PrefectServer, pool: str
):
    file = tmp_path / "naps.txt"
    for name in ("first", "second"):
        register(name, pool, file, 8, overlap_tags("wait", "naps"))
    with worker(pool, tmp_path, own_server.url):
        runs = [trigger(name, "nap") for name in ("first", "first", "second")]
        wait_until(lambda: sum(state_of(run) == "Waiting" for run in runs) == 2, 90, tmp_path)
        wait_until(lambda: all(state_of(run) == "Completed" for run in runs), 120, tmp_path)
    assert len(written(file)) == 6 and took_turns(file)


def test_a_run_that_waits_outlives_an_outage_of_the_server(
    tmp_path: Path, own_server: PrefectServer, pool: str
):
    file = tmp_path / "naps.txt"
    register("patient", pool, file, 120)
    with worker(pool, tmp_path, own_server.url):
        first = begun("patient", file)
        register("patient", pool, file, 1)
        second = waiting("patient", tmp_path)
        own_server.kill()
        time.sleep(100)  # Prefect's client by itself has given up by then
        own_server.start()
        for run in (first, second):
            wait_until(lambda: state_of(run) == "Completed", 250, tmp_path)  # noqa: B023
    assert len(written(file)) == 4 and took_turns(file)


def test_where_runs_are_to_be_skipped_one_that_finds_another_says_so(
    tmp_path: Path, own_server: PrefectServer, pool: str
):
    file = tmp_path / "naps.txt"
    register("skipping", pool, file, 30, overlap_tags("skip", None))
    with worker(pool, tmp_path, own_server.url):
        first = begun("skipping", file)
        second = trigger("skipping", "nap")
        wait_until(lambda: state_of(second) == "Skipped", 60, tmp_path)
        assert message_of(second) == f"{first.name} was still under way."
        wait_until(lambda: state_of(first) == "Completed", 60, tmp_path)
    assert len(written(file)) == 2


def test_the_next_run_begins_when_one_that_was_suspended_has_stopped(
    tmp_path: Path, own_server: PrefectServer, pool: str
):
    file = tmp_path / "naps.txt"
    register("suspended", pool, file, 120)
    with worker(pool, tmp_path, own_server.url):
        first = begun("suspended", file)
        second = waiting("suspended", tmp_path)
        suspend(first)
        wait_until(lambda: len(written(file)) == 2, 60, tmp_path)
        assert not psutil.pid_exists(int(written(file)[0][1]))
        assert (state_of(first), state_of(second)) == ("Suspended", "Running")
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(second.id, Cancelling())
        wait_until(lambda: state_of(second) == "Cancelled", 60, tmp_path)


def test_after_a_run_and_its_worker_were_killed_the_next_run_begins(
    tmp_path: Path, own_server: PrefectServer, pool: str
):
    file = tmp_path / "naps.txt"
    register("killed", pool, file, 5000)
    with worker(pool, tmp_path, own_server.url) as process:
        killed = begun("killed", file)
        kill_all(process)
    assert state_of(killed) == "Running"
    register("killed", pool, file, 1)
    with worker(pool, tmp_path, own_server.url):
        after = trigger("killed", "nap")
        wait_until(lambda: state_of(after) == "Completed", 120, tmp_path)
    assert state_of(killed) == "Crashed"
    assert "is no more" in message_of(killed)


def test_a_served_run_that_was_killed_is_closed_and_missed_runs_become_one(
    tmp_path: Path, own_server: PrefectServer
):
    file = tmp_path / "naps.txt"
    with going_on(serving("missed", file, 15), tmp_path, own_server.url) as process:
        wait_until(lambda: deployed("missed"), 60, tmp_path)
        wait_until(lambda: written(file), 90, tmp_path)
        kill_all(process)
    (killed,) = [run for run in runs_of("missed", "nap") if run.state_name == "Running"]
    time.sleep(70)  # three runs are missed
    with going_on(serving("missed", file, 15), tmp_path, own_server.url):
        wait_until(lambda: state_of(killed) == "Crashed", 60, tmp_path)
        wait_until(lambda: len(written(file)) >= 3, 90, tmp_path)
    ended = [run for run in runs_of("missed", "nap") if run.state and run.state.is_completed()]
    ended.sort(key=lambda run: str(run.expected_start_time))
    skipped = [run for run in ended if run.state_name == "Skipped"]
    assert len(skipped) >= 3
    later = [re.fullmatch(r"A later run, (.*), does its work\.", message_of(r)) for r in skipped]
    names = {run.name for run in runs_of("missed", "nap")}
    assert all(reason and reason[1] in names for reason in later)
    assert all(re.fullmatch(r"layerwise \d{4}-\d\d-\d\d \d\d:\d\d", run.name) for run in skipped)
    worked = [run for run in ended if run.state_name == "Completed"]
    assert all(str(one.start_time) < str(next_one.start_time) for one, next_one in pairwise(worked))
