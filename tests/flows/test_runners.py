"""Trials in threads, processes and Dask workers: all find their parent, all give the same."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.flows.conftest import QUICK

CHANGES = [*QUICK, "finetune.label_budgets=[40]"]
# What the flow does between its data and its comparison, with one runner after the other.
ROOT = Path(__file__).parents[2]
TRIALS = f"""
import json
import sys
from dataclasses import replace

from flows.environment import set_environment
set_environment(verbose=False)
from flows.flow import finetune_all, task_runner
from pipeline.config.loading import load
from pipeline.config.schema import ExecutionConfig
from tests.pipeline.whole_runs import begin, pretrain_stacks

config = load("digits", None, None, {CHANGES!r})
context, plan = begin(config)
run = context.run
stacks = pretrain_stacks(context, plan)
found = {{}}
for runner, workers in json.loads(sys.argv[1]):
    execution = ExecutionConfig(runner=runner, workers=workers)
    flow = finetune_all.with_options(task_runner=task_runner(execution))
    trials = flow(replace(run, refresh=True), plan, stacks)
    metrics = [(trial.name, stage.metrics | {{"seconds": None}}) for trial, stage in trials]
    found[f"{{runner}} {{workers}}"] = metrics
print(json.dumps({{"run_id": run.run_id, "found": found}}))
"""


def with_runners(folder: Path, url: str, *runners: tuple[str, int]) -> dict[str, Any]:
    """The run's id, and the trials' metrics with each runner and number of workers."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PREFECT_"))}
    result = subprocess.run(
        [sys.executable, "-c", TRIALS, json.dumps(runners)],
        cwd=folder,
        env=kept | {"PREFECT_API_URL": url, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def endings(folder: Path, parent: str) -> list[str]:
    """How the trials below a run ended."""
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    trials = client.search_runs(
        [client.get_experiment_by_name("digits").experiment_id],
        "tags.`layerwise.stage` = 'finetune'",
    )
    assert {trial.data.tags["mlflow.parentRunId"] for trial in trials} == {parent}
    return [trial.info.status for trial in trials]


def test_two_workers_find_what_one_finds(workspace: Path, prefect_url: str):
    done = with_runners(workspace, prefect_url, ("thread", 1), ("thread", 2), ("process", 2))
    assert len(done["found"]["thread 1"]) == 6
    assert done["found"]["thread 2"] == done["found"]["thread 1"]
    assert done["found"]["process 2"] == done["found"]["thread 1"]
    assert endings(workspace, done["run_id"]) == ["FINISHED"] * 18


@pytest.mark.slow
def test_workers_of_dask_find_it_too(workspace: Path, prefect_url: str):
    done = with_runners(workspace, prefect_url, ("thread", 1), ("dask", 2))
    assert done["found"]["dask 2"] == done["found"]["thread 1"]
    assert endings(workspace, done["run_id"]) == ["FINISHED"] * 12
