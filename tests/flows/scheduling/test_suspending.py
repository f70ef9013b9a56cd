"""Suspend on Prefect's page stops a run, which goes on where it was when it is resumed."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun

from tests.flows.scheduling.conftest import levels, state_of, suspend, wait_until


def resume(run: FlowRun) -> None:
    """What Resume on Prefect's page does."""
    with get_client(sync_client=True) as client:
        client.resume_flow_run(run.id)


@pytest.mark.slow
def test_a_run_that_is_suspended_in_a_pool_stops_and_goes_on_at_its_epoch_when_it_is_resumed(
    in_its_level: Callable[[str], AbstractContextManager[tuple[Path, FlowRun]]], tmp_path: Path
):
    with in_its_level("pool_suspended") as (folder, run):
        suspend(run)
        wait_until(lambda: levels(folder)[0].info.status == "KILLED", 60, tmp_path)
        assert state_of(run) == "Suspended"
        resume(run)
        wait_until(lambda: state_of(run) == "Completed", 300, tmp_path)
    killed, finished = levels(folder)
    assert (killed.info.status, finished.info.status) == ("KILLED", "FINISHED")
    assert 0 < int(finished.data.tags["layerwise.resumed_after_epoch"]) < 6000
