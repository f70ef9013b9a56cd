"""`layerwise run --dry-run`: what a run would compute, how long it takes and what it stores."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.config.loading import load
from pipeline.stages.forecasting.forecast import forecast
from tests.flows.conftest import Command, Layerwise, settings


def test_it_makes_nothing_where_there_is_no_store(command: Command, tmp_path: Path):
    result = command("run", "digits", *settings("finetune.seeds=1"), "--dry-run", folder=tmp_path)
    assert result.exit_code == 0, result.output
    assert re.search(r"pretrain level 2 .*1 +0 +\d+\.\d to \d+\.\d +timed steps", result.output)
    assert "Nothing was started." in result.output
    assert list(tmp_path.iterdir()) == []


def test_data_that_cannot_be_used_are_refused_as_by_a_run(command: Command, tmp_path: Path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    result = command("run", "--data", "rows.csv", "--dry-run", folder=tmp_path)
    assert result.exit_code == 2
    assert "rows" in result.output


@pytest.mark.slow
def test_a_run_takes_what_was_foretold(
    make_workspace: Callable[[str], Path], layerwise: Layerwise, monkeypatch: pytest.MonkeyPatch
):
    folder = make_workspace("foretold")
    options = settings("finetune.label_budgets=[50]", "stack.0.epochs=100", "stack.1.epochs=100")
    result = layerwise("run", "digits", *options, "--dry-run", folder=folder)
    low, high = re.search(r"In all, .*: ([\d,]+) to ([\d,]+) seconds", result.stdout).groups()
    stay = float(re.search(r"Disk: ([\d.]+) MB stay", result.stdout)[1])
    done = layerwise("run", "digits", *options, "--summary", "s.json", folder=folder)
    assert done.returncode == 0, done.stderr
    seconds = sum(json.loads((folder / "s.json").read_text())["seconds"].values())
    assert int(low) <= seconds <= int(high)
    stored = [*folder.rglob("*.keras"), *folder.rglob("*.npz"), *folder.rglob("variables.*")]
    taken = sum(file.stat().st_size for file in stored) / 1e6
    assert stay / 2 <= taken <= 2 * stay
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlruns/mlflow.db")
    changes = tuple(option for option in options if option != "--set")
    again = forecast(load("digits", None, None, changes, None), refresh=False)
    assert all(entry.cached == entry.stages for entry in again.entries)
