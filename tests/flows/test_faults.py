"""Faults while a flow runs: what may pass is tried again, what cannot is reported at once."""

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.flows.conftest import Command, Layerwise, settings

BUDGET = "finetune.label_budgets=[30]"


@pytest.fixture
def quick_arguments() -> list[str]:
    return ["run", "digits", *settings(BUDGET, "finetune.arms=[random]", "finetune.seeds=1")]


def runs_of(folder: Path) -> dict[str, str]:
    """The status of each MLflow run by its name."""
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("digits")
    runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"])
    return {run.info.run_name: run.info.status for run in runs}


@pytest.mark.slow
def test_a_fault_of_the_disk_is_tried_again(
    make_workspace: Callable[[str], Path], layerwise: Layerwise, quick_arguments: list[str]
):
    folder = make_workspace("fault")
    # Where the prepared rows lie a link leads in circles, until the first level has failed.
    scratch, kept = folder / "mlruns" / "scratch", folder / "mlruns" / "kept"
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")

    def stages() -> list[tuple[str, str]]:
        experiments = [found.experiment_id for found in client.search_experiments()]
        found = client.search_runs(experiments, order_by=["attributes.start_time ASC"])
        return [(run.info.run_name, run.info.status) for run in found]

    def be_faulty() -> None:
        while ("data", "FINISHED") not in stages():
            time.sleep(0.01)
        scratch.rename(kept)
        scratch.symlink_to(scratch)
        while "FAILED" not in [status for _, status in stages()]:
            time.sleep(0.1)
        scratch.unlink()
        kept.rename(scratch)

    disk = threading.Thread(target=be_faulty, daemon=True)
    disk.start()
    result = layerwise(*quick_arguments, folder=folder)
    disk.join(timeout=1)
    assert result.returncode == 0, result.stderr
    assert not disk.is_alive()
    assert ("digits", "FINISHED") in stages()
    level = [status for name, status in stages() if name == "pretrain level 1"]
    assert level == ["FAILED", "FINISHED"]


def test_training_that_diverges_fails_once_and_says_what_to_do(
    workspace: Path, run_here: Command, quick_arguments: list[str]
):
    diverging = [*quick_arguments, "--set", "stack.0.learning_rate=1e30"]
    result = run_here(*diverging, folder=workspace)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert re.fullmatch(
        r"layerwise: DivergedError: step \d+ \(epoch 1\): the training loss became (nan|inf); "
        r"lower the learning rate or set the level's `retry`; no epoch was good\.\nRun again .*\n",
        result.stderr,
    )
    runs = runs_of(workspace)
    assert runs["digits"] == "FAILED"
    assert runs["pretrain level 1"] == "FAILED"
    assert "pretrain level 2" not in runs
    assert not (workspace / "exports").exists()


def test_the_traceback_is_shown_when_asked_for(
    workspace: Path, run_here: Command, quick_arguments: list[str]
):
    diverging = ["--verbose", *quick_arguments, "--set", "stack.0.learning_rate=1e30"]
    result = run_here(*diverging, folder=workspace)
    assert result.exit_code == 1
    assert result.stderr.startswith("layerwise: Traceback")
    assert "DivergedError" in result.stderr


@pytest.mark.slow
def test_what_prefect_says_is_shown_when_asked_for(
    workspace: Path, layerwise: Layerwise, quick_arguments: list[str]
):
    result = layerwise("--verbose", *quick_arguments, folder=workspace)
    assert result.returncode == 0
    assert "Beginning flow run" in result.stderr
