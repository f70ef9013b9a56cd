"""Trials in threads, processes and Dask workers: all find their parent, all give the same."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.flows.conftest import Layerwise, settings


@pytest.fixture(scope="module")
def in_one_thread(make_workspace: Callable[[str], Path], layerwise: Layerwise):
    return compared(make_workspace("one"), layerwise, "thread", 1)


def compared(folder: Path, layerwise: Layerwise, runner: str, workers: int):
    result = layerwise(
        "run", "digits", "--summary", "summary.json",
        *settings("finetune.label_budgets=[40]", f"execution.runner={runner}",
                  f"execution.workers={workers}"),
        folder=folder,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    summary = json.loads((folder / "summary.json").read_text())
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    trials = client.search_runs(
        [client.get_experiment_by_name("digits").experiment_id],
        "tags.`layerwise.stage` = 'finetune'",
    )
    assert len(trials) == 6
    assert {t.data.tags["mlflow.parentRunId"] for t in trials} == {summary["run_id"]}
    assert {t.info.status for t in trials} == {"FINISHED"}
    return summary["comparison"]


@pytest.mark.parametrize(
    "runner", ["thread", "process", pytest.param("dask", marks=pytest.mark.slow)]
)
def test_two_workers_find_what_one_finds(
    runner: str, in_one_thread, make_workspace: Callable[[str], Path], layerwise: Layerwise
):
    found = compared(make_workspace(runner), layerwise, runner, 2)
    assert found == in_one_thread
