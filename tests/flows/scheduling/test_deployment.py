"""Schedules on a real Prefect server: served from this process, or left to a work pool."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, LogFilter
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings

from tests.flows.conftest import COMMAND, Layerwise, settings
from tests.flows.scheduling.conftest import (
    deployed,
    going_on,
    runs_of,
    state_of,
    trigger,
    wait_until,
)

pytestmark = pytest.mark.slow
QUICK_RUN = settings("finetune.label_budgets=[30]", "finetune.seeds=1")


@pytest.fixture
def server(prefect_url: str) -> Iterator[None]:
    """Prefect's client in this process talks to the tests' server."""
    with temporary_settings({PREFECT_API_URL: prefect_url}):
        yield


def check_page(run: FlowRun) -> None:
    """What happened is on the page of the run, and nothing that others say."""
    mine = {"flow_run_id": {"any_": [str(run.id)]}}
    end = time.monotonic() + 20  # what it said last comes a little after its state
    with get_client(sync_client=True) as client:
        log = ""
        while "SavedModel" not in log and time.monotonic() < end:
            time.sleep(1)
            entries = client.read_logs(LogFilter.model_validate(mine), limit=200)
            log = "\n".join(entry.message for entry in entries)
        artifacts = client.read_artifacts(artifact_filter=ArtifactFilter.model_validate(mine))
    for said in ("MLflow run", "explained variance", "verdict", "SavedModel", "models:/digits@"):
        assert said in log
    assert [e.message for e in entries if not e.name.startswith("prefect.")] == []
    shown = {artifact.key: artifact for artifact in artifacts}
    levels = [shown[f"digits-pretrain-level-{n}-{units}-units"] for n, units in ((1, 32), (2, 16))]
    assert [bar.data for bar in (*levels, shown["digits-fine-tune"])] == [100.0] * 3
    assert "| labels | pretrained | random |" in shown["digits-comparison"].data


def test_a_served_schedule_runs_on_time_and_by_hand(
    make_workspace: Callable[[str], Path], prefect_url: str, server: None
):
    folder = make_workspace("served")
    arguments = [str(COMMAND), "schedule", "digits", "--cron", "* * * * *", "--name", "nightly"]
    with going_on([*arguments, *QUICK_RUN], folder, prefect_url):
        wait_until(lambda: deployed("nightly"), 60, folder)
        by_hand = trigger("nightly", run_name="for Anna")
        wait_until(lambda: state_of(by_hand) == "Completed", 120, folder)
        check_page(by_hand)

        def on_time() -> list[FlowRun]:
            runs = runs_of("nightly")  # one that was skipped without a process keeps Prefect's name
            return [run for run in runs if run.auto_scheduled and run.state_name == "Completed"]

        wait_until(on_time, 180, folder)
        assert all(re.fullmatch(r"digits \d{4}-\d\d-\d\d \d\d:\d\d", run.name) for run in on_time())
        assert "for Anna" in {run.name for run in runs_of("nightly")}
    exports = sorted(path.name for path in (folder / "exports" / "digits").iterdir())
    assert exports == ["1"]  # the second run found the model of the first


def test_a_worker_of_a_pool_runs_the_deployment(
    make_workspace: Callable[[str], Path], layerwise: Layerwise, prefect_url: str, server: None
):
    folder = make_workspace("pool")
    prefect = str(COMMAND.with_name("prefect"))
    environment = os.environ | {"PREFECT_API_URL": prefect_url}
    subprocess.run(
        [prefect, "work-pool", "create", "machines", "--type", "process"],
        env=environment, check=True, capture_output=True,
    )  # fmt: skip
    registered = layerwise(
        "schedule", "digits", "--cron", "0 2 * * *", "--name", "pooled", "--pool", "machines",
        *QUICK_RUN, folder=folder,
    )  # fmt: skip
    assert registered.returncode == 0, registered.stderr
    worker = [prefect, "worker", "start", "--pool", "machines"]
    with going_on(worker, folder, prefect_url):
        run = trigger("pooled")
        wait_until(lambda: state_of(run) == "Completed", 180, folder)
    check_page(run)
    assert (folder / "exports" / "digits" / "1" / "saved_model.pb").is_file()


def test_a_pool_that_is_not_there_is_refused(
    make_workspace: Callable[[str], Path], layerwise: Layerwise
):
    result = layerwise(
        "schedule", "digits", "--cron", "0 2 * * *", "--pool", "nowhere",
        folder=make_workspace("nowhere"),
    )  # fmt: skip
    assert result.returncode == 2
    assert "no work pool 'nowhere'" in result.stderr


def test_without_a_server_a_schedule_is_refused(
    make_workspace: Callable[[str], Path], layerwise: Layerwise
):
    result = layerwise(
        "schedule", "digits", "--cron", "0 2 * * *", folder=make_workspace("alone"),
        PREFECT_API_URL="http://127.0.0.1:9/api",
    )  # fmt: skip
    assert result.returncode == 2
    assert "No Prefect server answers" in result.stderr


def test_several_configs_are_served_by_one_process_each_by_its_name(
    make_workspace: Callable[[str], Path], prefect_url: str, server: None
):
    folder = make_workspace("several")
    arguments = [str(COMMAND), "schedule", "kl", "topk", "--interval", "1h30m"]
    with going_on([*arguments, "--timezone", "Europe/Berlin"], folder, prefect_url):
        wait_until(lambda: deployed("kl") and deployed("topk"), 60, folder)
        with get_client(sync_client=True) as client:
            for name in ("kl", "topk"):
                deployment = client.read_deployment_by_name(f"layerwise/{name}")
                assert deployment.parameters["config"]["name"] == name
    log = (folder / "log.txt").read_text()
    assert re.search(r"Runs begin: (\w{3} \d{4}-\d\d-\d\d \d\d:\d\d, ){2}.*\(Europe/Berlin\)", log)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["kl", "topk", "--name", "both"], "--name names one deployment"),
        (["digits", "digits"], "Given several times: digits"),
        (["digits", "--name", "a/b"], "must be without / %"),
        (["predict", "models:/nobody@champion", "*.csv", "-o", "all.csv"], "2 problems"),
    ],
)
def test_what_cannot_be_deployed_is_refused(
    arguments: list[str], message: str, make_workspace: Callable[[str], Path], layerwise: Layerwise
):
    folder = make_workspace("refused")
    result = layerwise("schedule", *arguments, "--cron", "0 2 * * *", folder=folder)
    assert result.returncode == 2
    assert message in result.stderr
