"""Stacks and trials in threads, processes and Dask workers: all find their parent, all the same."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from flows.flow import parts_of_at_least
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
from prefect import flow
from flows.flow import finetune_all, pretrain_all, task_runner
from pipeline.config.loading import load
from pipeline.config.schema import ExecutionConfig
from pipeline.stages.forecasting.time_limit import TimeLimit
from tests.pipeline.whole_runs import begin

config = load("digits", None, None, {CHANGES!r})
context, plan = begin(config)
run = context.run


@flow
def pretrained(workers):
    at_once = config.execution.model_copy(update={{"workers": workers}})
    changed = config.model_copy(update={{"execution": at_once}})
    return pretrain_all(replace(run, refresh=True), replace(plan, config=changed))


def known(done):
    return done.metrics | {{"seconds": None}}


stacks = pretrained(1)
found = {{"one stack at a time": [known(level) for stack in stacks for level in stack]}}
found["two stacks at a time"] = [known(level) for stack in pretrained(2) for level in stack]
for runner, workers in json.loads(sys.argv[1]):
    execution = ExecutionConfig(runner=runner, workers=workers)
    trials = finetune_all.with_options(task_runner=task_runner(execution))(
        replace(run, refresh=True), plan, stacks, TimeLimit()
    )
    found[f"{{runner}} {{workers}}"] = [(trial.name, known(stage)) for trial, stage in trials]
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


def runs_of(folder: Path, parent: str, stage: str) -> list[Run]:
    """The runs of such stages below a run, the first begun first."""
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    runs = client.search_runs(
        [client.get_experiment_by_name("digits").experiment_id],
        f"tags.`layerwise.stage` = '{stage}'",
        order_by=["attributes.start_time ASC"],
    )
    assert {run.data.tags["mlflow.parentRunId"] for run in runs} == {parent}
    return list(runs)


def endings(folder: Path, parent: str) -> list[str]:
    """How the trials below a run ended."""
    return [trial.info.status for trial in runs_of(folder, parent, "finetune")]


@pytest.mark.slow
def test_two_workers_find_what_one_finds(workspace: Path, prefect_url: str):
    done = with_runners(workspace, prefect_url, ("thread", 1), ("thread", 2), ("process", 2))
    assert len(done["found"]["thread 1"]) == 6
    assert done["found"]["thread 2"] == done["found"]["thread 1"]
    assert done["found"]["process 2"] == done["found"]["thread 1"]
    assert endings(workspace, done["run_id"]) == ["FINISHED"] * 18

    assert done["found"]["two stacks at a time"] == done["found"]["one stack at a time"]
    levels = runs_of(workspace, done["run_id"], "pretrain")
    assert [run.info.status for run in levels] == ["FINISHED"] * 8  # two stacks of two levels
    beside = [now.info.start_time < before.info.end_time for before, now in pairwise(levels)]
    assert not any(beside[:4])
    assert any(beside[4:])


@pytest.mark.slow
def test_workers_of_dask_find_it_too(workspace: Path, prefect_url: str):
    done = with_runners(workspace, prefect_url, ("thread", 1), ("dask", 2))
    assert done["found"]["dask 2"] == done["found"]["thread 1"]
    assert endings(workspace, done["run_id"]) == ["FINISHED"] * 12


def test_stacks_are_begun_in_parts_that_keep_all_workers_busy():
    def parts(workers: int, stacks: int) -> list[list[int]]:
        return [list(part) for part in parts_of_at_least(workers, stacks)]

    assert parts(1, 3) == [[0], [1], [2]]
    assert parts(2, 5) == [[0, 1], [2, 3, 4]]
    assert parts(4, 2) == [[0, 1]]
