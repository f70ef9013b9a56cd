"""`layerwise status`: runs as far as they have come, and what is scheduled."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.scheduling.overview import deployments
from tests.flows.conftest import COMMAND, Command, Layerwise, settings

NOBODY = "http://127.0.0.1:9/api"


@pytest.fixture(autouse=True)
def no_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Prefect's settings are those of the test, not of whoever runs it."""
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))


@pytest.fixture
def clean() -> dict[str, str]:
    """The environment without what MLflow has set for this process."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}


def status_of(folder: Path, layerwise: Layerwise, **environment: str) -> dict[str, Any]:
    result = layerwise("status", "--json", folder=folder, **environment)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_without_a_store_it_says_so_and_makes_none(command: Command, tmp_path: Path):
    folder = tmp_path / "empty"
    folder.mkdir()
    result = command("status", folder=folder)
    assert result.exit_code == 0
    assert "No run has been started yet" in result.output
    assert "PREFECT_API_URL" in result.output
    assert list(folder.iterdir()) == []


def test_a_store_that_does_not_answer_is_refused(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    result = command("status", folder=tmp_path)
    assert result.exit_code == 2
    assert "No MLflow server answers" in result.output


def test_where_no_prefect_server_answers_the_runs_are_shown_all_the_same(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PREFECT_API_URL", NOBODY)
    result = command("status", folder=tmp_path)
    assert result.exit_code == 0
    assert f"Prefect's server at {NOBODY}: it does not answer" in result.output


def test_the_server_is_the_one_of_prefects_active_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("PREFECT_API_URL", "PREFECT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    assert deployments() is None
    (tmp_path / "prefect").mkdir()
    profile = f'active = "work"\n[profiles.work]\nPREFECT_API_URL = "{NOBODY}"\n'
    (tmp_path / "prefect" / "profiles.toml").write_text(profile)
    assert (found := deployments()) and found.server == NOBODY
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:10/api")
    assert (found := deployments()) and found.server == "http://127.0.0.1:10/api"


def test_no_password_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://ann:secret@127.0.0.1:9/api")
    assert "secret" not in str(deployments())


def begun(
    arguments: list[str], folder: Path, environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    """A command that goes on beside the test."""
    return subprocess.Popen(
        [COMMAND, *arguments], cwd=folder, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.slow
def test_deployments_have_a_schedule_and_a_next_run(
    make_workspace: Callable[[str], Path],
    layerwise: Layerwise,
    prefect_url: str,
    clean: dict[str, str],
):
    folder = make_workspace("status_deployed")
    command = ["schedule", "digits", "--cron", "0 2 * * *", "--name", "status"]
    serving = begun(command, folder, clean | {"PREFECT_API_URL": prefect_url})
    try:
        found: dict[str, Any] = {}
        end = time.monotonic() + 60
        while not found.get("next_run") and time.monotonic() < end:
            known = status_of(folder, layerwise)["prefect"]["deployments"]
            found = next((one for one in known if one["name"] == "status"), {})
        assert "T02:00:00" in found["next_run"]
        assert found["schedules"][0].startswith("0 2 * * *")
        assert found["last_state"] is None
        shown = layerwise("status", folder=folder).stdout
        assert f"Deployments at {prefect_url}" in shown
        assert "0 2 * * *" in shown
    finally:
        serving.terminate()
        serving.wait(60)


@pytest.mark.slow
def test_a_run_is_followed_level_by_level_and_shown_dead_when_its_process_is_gone(
    make_workspace: Callable[[str], Path],
    layerwise: Layerwise,
    prefect_url: str,
    clean: dict[str, str],
):
    folder = make_workspace("status_followed")

    command = ["run", "digits", *settings("stack.1.epochs=100000", "pretrain_seeds=1")]
    run = begun(command, folder, clean | {"PREFECT_API_URL": prefect_url})
    try:
        level = None
        end = time.monotonic() + 120
        while not (level and level["epoch"] > 1 and level["epochs"] == 100_000):
            assert time.monotonic() < end
            runs = status_of(folder, layerwise)["runs"]
            level = runs[0]["level"] if runs else None
        (followed,) = runs
        assert (followed["state"], followed["experiment"]) == ("running", "digits")
        assert level["stage"] == "pretrain level 2"
        assert level["loss"] > 0
        assert followed["done"] == 2  # the data and the first level
        assert followed["stages"] > followed["done"]
    finally:
        run.kill()
    (dead,) = status_of(folder, layerwise)["runs"]
    run.wait()
    assert (dead["state"], dead["done"], dead["level"]) == ("dead", 2, None)
