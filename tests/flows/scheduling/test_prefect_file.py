"""`prefect.yaml` declares what `layerwise schedule` makes, and Prefect's own command deploys it."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.scheduling.deployment import deployment_of
from flows.scheduling.jobs import run_jobs
from flows.scheduling.trigger import trigger_of
from pipeline.config.loading import check, load
from tests.docs.pages import ROOT
from tests.flows.conftest import QUICK
from tests.flows.scheduling.conftest import PREFECT, going_on, state_of, trigger, wait_until

FILE = ROOT / "prefect.yaml"


def declared() -> dict[str, Any]:
    (deployment,) = yaml.safe_load(FILE.read_text())["deployments"]
    return deployment


def test_the_file_declares_what_layerwise_schedule_makes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)  # where paths of the file begin
    (job,) = run_jobs([load("digits")], None, when_changed=False, notify=None, time_limit=None)
    timer = trigger_of(cron="0 2 * * *", timezone="UTC")
    made = deployment_of(job, timer, "nightly", [])
    found = declared()
    for name in ("name", "entrypoint", "tags", "work_pool_name", "concurrency_limit"):
        in_file = found["work_pool"]["name"] if name == "work_pool_name" else found.get(name)
        assert in_file == getattr(made, name), name
    given, wanted = dict(found["parameters"]), dict(made.parameters)
    wanted["config"]["export"]["directory"] = "exports"
    assert check(given.pop("config")) == check(wanted.pop("config"))
    assert given == {"refresh": False} | wanted


@pytest.mark.slow
def test_prefect_deploys_the_file_without_a_question_and_a_worker_runs_it(
    make_workspace: Any, tmp_path: Path, prefect_url: str, monkeypatch: pytest.MonkeyPatch
):
    folder = make_workspace("declared")
    monkeypatch.setenv("KERAS_BACKEND", "jax")  # of the worker, as a user may have it
    content = yaml.safe_load(FILE.read_text())
    (deployment,) = content["deployments"]
    deployment["parameters"]["config"] = load(
        "digits", None, None, [*QUICK, "pretrain_seeds=1", "finetune.label_budgets=[30]"]
    ).model_dump(mode="json", exclude_unset=True)
    (folder / "prefect.yaml").write_text(yaml.safe_dump(content))

    environment = os.environ | {"PREFECT_API_URL": prefect_url, "PWD": str(folder)}
    for command in ("work-pool create nightly --type process", "--no-prompt deploy --all"):
        subprocess.run(
            [PREFECT, *command.split()],
            cwd=folder, env=environment, check=True, stdin=subprocess.DEVNULL, capture_output=True,
        )  # fmt: skip

    with (
        temporary_settings({PREFECT_API_URL: prefect_url}),
        going_on([PREFECT, "worker", "start", "--pool", "nightly"], tmp_path, prefect_url),
    ):
        with get_client(sync_client=True) as client:
            deployed = client.read_deployment_by_name("layerwise/digits")
        assert [schedule.active for schedule in deployed.schedules] == [False]
        run = trigger("digits")
        wait_until(lambda: state_of(run) == "Completed", 180, tmp_path)
    assert (folder / "exports" / "digits" / "1" / "saved_model.pb").is_file()
    assert not (tmp_path / "mlruns").exists() and not (tmp_path / "exports").exists()
