"""Cancel on Prefect's page stops a run, whatever happened to the server before."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling

from tests.flows.conftest import COMMAND, settings
from tests.flows.notices.listener import listening
from tests.flows.scheduling.conftest import (
    PrefectServer,
    deployed,
    going_on,
    state_of,
    trigger,
    wait_until,
)

LONG = settings("stack=[{units: 32, epochs: 100000}]", "execution.workers=2")


def cancel(run: FlowRun) -> None:
    """What Cancel on Prefect's page does."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run.id, Cancelling())


def statuses(folder: Path) -> set[str]:
    """Of all runs in the folder's MLflow store."""
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    names = [experiment.experiment_id for experiment in client.search_experiments()]
    return {run.info.status for run in client.search_runs(names)}


@pytest.mark.slow
def test_a_cancel_after_an_outage_of_the_server_stops_the_run_within_a_minute(
    make_workspace: Callable[[str], Path], own_server: PrefectServer
):
    folder = make_workspace("outage")
    arguments = [COMMAND, "schedule", "digits", "--cron", "0 2 1 1 *", "--name", "outage", *LONG]
    with (
        listening() as listener,
        going_on([*arguments, "--notify", listener.address], folder, own_server.url),
    ):
        wait_until(lambda: deployed("outage"), 60, folder)
        run = trigger("outage")
        wait_until(lambda: "RUNNING" in statuses(folder), 90, folder)
        own_server.kill()
        time.sleep(20)
        own_server.start()
        time.sleep(10)
        assert state_of(run) == "Running"
        cancel(run)
        wait_until(lambda: state_of(run) == "Cancelled", 60, folder)
        wait_until(lambda: listener.notices, 20, folder)
    assert [notice["event"] for notice in listener.notices] == ["cancelled"]
    assert statuses(folder) == {"FINISHED", "KILLED"}  # the rows were prepared
