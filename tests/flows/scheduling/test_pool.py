"""A real worker of a process pool: what it leaves lies where the next run finds it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling

from tests.flows.conftest import COMMAND, Layerwise, settings
from tests.flows.scheduling.conftest import going_on, state_of, trigger, wait_until

pytestmark = pytest.mark.slow
PREFECT = str(COMMAND.with_name("prefect"))
# Long enough to be cancelled in the middle of its only level.
LONG_LEVEL = settings(
    "stack=[{units: 64, sparsity: {mechanism: topk, k: 16}, epochs: 6000, batch_size: 64}]",
    "pretrain_seeds=1",
    "finetune.label_budgets=[30]",
)


@pytest.fixture
def pool(prefect_url: str) -> str:
    """A work pool of processes."""
    subprocess.run(
        [PREFECT, "work-pool", "create", "lasting", "--type", "process", "--overwrite"],
        env=os.environ | {"PREFECT_API_URL": prefect_url}, check=True, capture_output=True,
    )  # fmt: skip
    return "lasting"


def levels(folder: Path) -> list[Run]:
    """The runs of a level, the first begun first."""
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("digits")
    if not experiment:
        return []
    return client.search_runs(
        [experiment.experiment_id], "tags.`layerwise.stage` = 'pretrain'",
        order_by=["attributes.start_time ASC"],
    )  # fmt: skip


def test_a_run_that_was_cancelled_in_a_pool_goes_on_at_its_epoch(
    make_workspace: Callable[[str], Path],
    tmp_path: Path,
    layerwise: Layerwise,
    prefect_url: str,
    pool: str,
):
    folder = make_workspace("pool_goes_on")
    checkpoints = folder / "mlruns" / "scratch" / "checkpoints"
    registered = layerwise(
        "schedule", "digits", "--cron", "0 2 * * *", "--name", "lasting", "--pool", pool,
        *LONG_LEVEL, folder=folder,
    )  # fmt: skip
    assert registered.returncode == 0, registered.stderr
    worker = [PREFECT, "worker", "start", "--pool", pool]
    with (
        temporary_settings({PREFECT_API_URL: prefect_url}),
        going_on(worker, tmp_path, prefect_url),
    ):
        first = trigger("lasting")
        wait_until(lambda: [*checkpoints.glob("*.npz")], 120, tmp_path)
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(first.id, Cancelling())
        wait_until(lambda: state_of(first) == "Cancelled", 60, tmp_path)
        wait_until(lambda: levels(folder)[0].info.status == "KILLED", 60, tmp_path)
        second = trigger("lasting")
        wait_until(lambda: state_of(second) == "Completed", 300, tmp_path)
    killed, finished = levels(folder)
    assert (killed.info.status, finished.info.status) == ("KILLED", "FINISHED")
    assert 0 < int(finished.data.tags["layerwise.resumed_after_epoch"]) < 6000
    assert (folder / "exports" / "digits" / "1" / "saved_model.pb").is_file()
    assert not [*checkpoints.glob("*.npz")]  # they are removed when the level is there
    assert not (tmp_path / "mlruns").exists()
