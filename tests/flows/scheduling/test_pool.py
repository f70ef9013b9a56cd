"""A real worker of a process pool: what it leaves lies where the next run finds it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling

from tests.flows.scheduling.conftest import checkpoints, levels, state_of, trigger, wait_until


@pytest.mark.slow
def test_a_run_that_was_cancelled_in_a_pool_goes_on_at_its_epoch(
    in_its_level: Callable[[str], AbstractContextManager[tuple[Path, FlowRun]]], tmp_path: Path
):
    with in_its_level("pool_goes_on") as (folder, first):
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(first.id, Cancelling())
        wait_until(lambda: state_of(first) == "Cancelled", 60, tmp_path)
        wait_until(lambda: levels(folder)[0].info.status == "KILLED", 60, tmp_path)
        second = trigger("pool_goes_on")
        wait_until(lambda: state_of(second) == "Completed", 300, tmp_path)
    killed, finished = levels(folder)
    assert (killed.info.status, finished.info.status) == ("KILLED", "FINISHED")
    assert 0 < int(finished.data.tags["layerwise.resumed_after_epoch"]) < 6000
    assert (folder / "exports" / "digits" / "1" / "saved_model.pb").is_file()
    assert not checkpoints(folder)  # they are removed when the level is there
    assert not (tmp_path / "mlruns").exists()
