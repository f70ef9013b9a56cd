"""Notices of whole runs: on the command line, and of served ones, skipped and cancelled."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling

from tests.flows.conftest import COMMAND, Layerwise, free_port, settings
from tests.flows.notices.listener import listening
from tests.flows.scheduling.conftest import deployed, going_on, state_of, trigger, wait_until

pytestmark = pytest.mark.slow
QUICK_RUN = settings("finetune.label_budgets=[30]")


def test_a_finished_run_tells_its_figures_and_a_dead_listener_changes_nothing(
    make_workspace: Callable[[str], Path], layerwise: Layerwise
):
    folder = make_workspace("notices")
    with listening() as listener:
        result = layerwise(
            "run", "digits", *QUICK_RUN, "--summary", "summary.json", "--notify", "$HOOK",
            folder=folder, HOOK=listener.address,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        skipped = layerwise(
            "run", "digits", *QUICK_RUN, "--when-changed", "--notify", listener.address,
            folder=folder,
        )  # fmt: skip
    assert skipped.returncode == 0, skipped.stderr
    finished, unchanged = listener.notices
    summary = json.loads((folder / "summary.json").read_text())
    row = summary["comparison"][0]
    assert (finished["event"], finished["name"], finished["reason"]) == ("finished", "digits", None)
    assert finished["run_id"] == summary["run_id"]
    assert finished["budgets"] == [
        {
            "labels": 30,
            "accuracy": {arm: scores["mean"] for arm, scores in row["arms"].items()},
            "gain": row["gain"]["mean"],
            "ci95": row["gain"]["ci95"],
            "p": row["gain"]["p_holm"],
            "verdict": row["verdict"],
        }
    ]
    assert finished["text"] == f"digits finished: 30 labels: {row['verdict']}"
    assert finished["report"] == summary["report"]
    assert finished["model"] == "models:/digits@latest_run"
    assert unchanged["event"] == "skipped" and unchanged["reason"]

    dead = f"http://127.0.0.1:{free_port()}"
    result = layerwise("run", "digits", *QUICK_RUN, "--notify", dead, folder=folder)
    assert result.returncode == 0
    assert "The notice was not sent: ConnectError." in result.stderr


def test_served_runs_that_are_skipped_or_cancelled_say_so(
    make_workspace: Callable[[str], Path], prefect_url: str
):
    folder = make_workspace("cancelled")
    with listening() as listener, temporary_settings({PREFECT_API_URL: prefect_url}):
        arguments = [
            str(COMMAND), "schedule", "digits", *QUICK_RUN, "--set", "stack.0.epochs=100000",
            "--cron", "0 2 * * *", "--name", "noticed", "--notify", listener.address,
            "--overlap", "skip",
        ]  # fmt: skip
        with going_on(arguments, folder, prefect_url):
            wait_until(lambda: deployed("noticed"), 60, folder)
            run = trigger("noticed")
            wait_until(lambda: "epoch" in (folder / "log.txt").read_text(), 120, folder)
            other = trigger("noticed")
            wait_until(lambda: listener.notices, 60, folder)
            assert state_of(other) == "Skipped"
            with get_client(sync_client=True) as client:
                client.set_flow_run_state(run.id, Cancelling())
            wait_until(lambda: state_of(run) == "Cancelled", 120, folder)
            wait_until(lambda: len(listener.notices) == 2, 20, folder)
    skipped, notice = listener.notices
    assert skipped["event"] == "skipped"
    assert skipped["reason"] == f"{run.name} was still under way."
    assert (notice["event"], notice["name"]) == ("cancelled", "digits")
    assert len(notice["run_id"]) == 32
    assert str(run.id) in notice["pages"]["prefect"]
