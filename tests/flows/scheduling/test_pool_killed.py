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
from tests.flows.scheduling.conftest import (
    Worker,
    checkpoints,
    levels,
    state_of,
    trigger,
    wait_until,
)


def process_of(run: FlowRun) -> str:
    with get_client(sync_client=True) as client:
        return str(client.read_flow_run(run.id).labels[PROCESS])


@pytest.mark.slow
def test_whatever_is_killed_in_a_pool_the_run_is_closed_and_the_next_goes_on(
    deploy_to_pool: Callable[[str], Path],
    working: Callable[[], Worker],
    tmp_path: Path,
    prefect_url: str,
):
    folder = deploy_to_pool("pool_killed")
    with temporary_settings({PREFECT_API_URL: prefect_url}):
        with working() as process:
            first = trigger("pool_killed")
            wait_until(lambda: checkpoints(folder), 120, tmp_path)
            os.kill(int(process_of(first).split()[-2]), signal.SIGKILL)
            wait_until(lambda: state_of(first) == "Crashed", 60, tmp_path)  # the worker says so
            assert levels(folder)[0].info.status == "RUNNING"

            second = trigger("pool_killed")
            wait_until(lambda: len(levels(folder)) == 2, 120, tmp_path)
            assert levels(folder)[0].info.status == "KILLED"  # the next run says so
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            assert not is_dead(process_of(second)) and state_of(second) == "Running"
            with get_client(sync_client=True) as client:
                client.set_flow_run_state(second.id, Cancelling())
            wait_until(lambda: state_of(second) == "Cancelled", 60, tmp_path)  # by itself
            wait_until(lambda: levels(folder)[1].info.status == "KILLED", 30, tmp_path)

        with working():
            third = trigger("pool_killed")
            wait_until(lambda: state_of(third) == "Completed", 300, tmp_path)
    finished = levels(folder)[2]
    assert 0 < int(finished.data.tags["layerwise.resumed_after_epoch"]) < 6000
