"""Suspend on Prefect's page stops a run, which goes on where it was when it is resumed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings

from tests.flows.scheduling.conftest import (
    Worker,
    levels,
    state_of,
    suspend,
    trigger,
    wait_until,
)


def resume(run: FlowRun) -> None:
    """What Resume on Prefect's page does."""
    with get_client(sync_client=True) as client:
        client.resume_flow_run(run.id)


@pytest.mark.slow
def test_a_run_that_is_suspended_in_a_pool_stops_and_goes_on_at_its_epoch_when_it_is_resumed(
    deploy_to_pool: Callable[[str], Path],
    working: Callable[[], Worker],
    tmp_path: Path,
    prefect_url: str,
):
    folder = deploy_to_pool("pool_suspended")
    checkpoints = folder / "mlruns" / "scratch" / "checkpoints"
    with temporary_settings({PREFECT_API_URL: prefect_url}), working():
        run = trigger("pool_suspended")
        wait_until(lambda: [*checkpoints.glob("*.npz")], 120, tmp_path)
        suspend(run)
        wait_until(lambda: levels(folder)[0].info.status == "KILLED", 60, tmp_path)
        assert state_of(run) == "Suspended"
        resume(run)
        wait_until(lambda: state_of(run) == "Completed", 300, tmp_path)
    killed, finished = levels(folder)
    assert (killed.info.status, finished.info.status) == ("KILLED", "FINISHED")
    assert 0 < int(finished.data.tags["layerwise.resumed_after_epoch"]) < 6000
