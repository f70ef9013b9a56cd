"""What is killed outright in a pool: a run's process, its worker, or the worker before a Cancel."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling

from flows.scheduling.dead_runs import PROCESS
from pipeline.tracking.processes import is_dead
from tests.flows.conftest import Layerwise
from tests.flows.scheduling.conftest import going_on, state_of, trigger, wait_until
from tests.flows.scheduling.test_pool import LONG_LEVEL, PREFECT, levels, pool

__all__ = ["pool"]  # the fixture
pytestmark = pytest.mark.slow


def process_of(run: FlowRun) -> str:
    with get_client(sync_client=True) as client:
        return str(client.read_flow_run(run.id).labels[PROCESS])


def test_whatever_is_killed_in_a_pool_the_run_is_closed_and_the_next_goes_on(
    make_workspace: Callable[[str], Path],
    tmp_path: Path,
    layerwise: Layerwise,
    prefect_url: str,
    pool: str,
):
    folder = make_workspace("pool_killed")
    checkpoints = folder / "mlruns" / "scratch" / "checkpoints"
    registered = layerwise(
        "schedule", "digits", "--cron", "0 2 * * *", "--name", "killed", "--pool", pool,
        *LONG_LEVEL, folder=folder,
    )  # fmt: skip
    assert registered.returncode == 0, registered.stderr
    worker = [PREFECT, "worker", "start", "--pool", pool]
    with temporary_settings({PREFECT_API_URL: prefect_url}):
        with going_on(worker, tmp_path, prefect_url) as process:
            first = trigger("killed")
            wait_until(lambda: [*checkpoints.glob("*.npz")], 120, tmp_path)
            os.kill(int(process_of(first).split()[-2]), signal.SIGKILL)
            wait_until(lambda: state_of(first) == "Crashed", 60, tmp_path)  # the worker says so
            assert levels(folder)[0].info.status == "RUNNING"

            second = trigger("killed")
            wait_until(lambda: len(levels(folder)) == 2, 120, tmp_path)
            assert levels(folder)[0].info.status == "KILLED"  # the next run says so
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            assert not is_dead(process_of(second)) and state_of(second) == "Running"
            with get_client(sync_client=True) as client:
                client.set_flow_run_state(second.id, Cancelling())
            wait_until(lambda: state_of(second) == "Cancelled", 60, tmp_path)  # by itself
            wait_until(lambda: levels(folder)[1].info.status == "KILLED", 30, tmp_path)

        with going_on(worker, tmp_path, prefect_url):
            third = trigger("killed")
            wait_until(lambda: state_of(third) == "Completed", 300, tmp_path)
    finished = levels(folder)[2]
    assert 0 < int(finished.data.tags["layerwise.resumed_after_epoch"]) < 6000
