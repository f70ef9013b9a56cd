"""A real worker of a process pool: what it leaves lies where the next run finds it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling

from tests.flows.scheduling.conftest import Worker, levels, state_of, trigger, wait_until


@pytest.mark.slow
def test_a_run_that_was_cancelled_in_a_pool_goes_on_at_its_epoch(
    deploy_to_pool: Callable[[str], Path],
    working: Callable[[], Worker],
    tmp_path: Path,
    prefect_url: str,
):
    folder = deploy_to_pool("pool_goes_on")
    checkpoints = folder / "mlruns" / "scratch" / "checkpoints"
    with temporary_settings({PREFECT_API_URL: prefect_url}), working():
        first = trigger("pool_goes_on")
        wait_until(lambda: [*checkpoints.glob("*.npz")], 120, tmp_path)
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
    assert not [*checkpoints.glob("*.npz")]  # they are removed when the level is there
    assert not (tmp_path / "mlruns").exists()
