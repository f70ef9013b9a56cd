"""`layerwise run --when-changed`: a run begins where rows or config are new, else is skipped."""

import os
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from sklearn.datasets import load_digits

from tests.flows.conftest import Layerwise, settings


@pytest.mark.slow
def test_a_run_begins_where_rows_or_config_are_new_and_else_is_skipped(
    make_workspace, layerwise: Layerwise
):
    folder = make_workspace("changing")
    rows, classes = load_digits(return_X_y=True)

    def run(*changes: str, rows_there: int, **environment: str):
        np.savez(folder / "digits.npz", x=rows[:rows_there], y=classes[:rows_there])
        quick = settings("finetune.label_budgets=[30]", "finetune.seeds=1", *changes)
        done = layerwise(
            "run", "--data", "digits.npz", *quick, "--when-changed", folder=folder, **environment
        )
        assert done.returncode == 0, done.stderr
        return done

    def finished() -> int:
        client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
        (experiment,) = [e for e in client.search_experiments() if e.name == "digits"]
        whole = "tags.`layerwise.stage` = 'run'"
        return len(client.search_runs([experiment.experiment_id], whole))

    assert "explained" in run(rows_there=400).stdout
    again = run(rows_there=400, PYTHONPATH=without_tensorflow(folder))
    assert "Skipped. The rows of digits and the config are those of the last run" in again.stderr
    assert again.stdout == ""
    assert list(folder.glob(".layerwise-*")) == []
    assert finished() == 1
    assert "Skipped" not in run("stack.1.units=12", rows_there=400).stderr
    assert "Skipped" not in run("stack.1.units=12", rows_there=500).stderr
    assert finished() == 3


def without_tensorflow(folder: Path) -> str:
    """A path on which TensorFlow cannot be imported, before the one that there is."""
    fake = folder / "without"
    fake.mkdir(exist_ok=True)
    (fake / "tensorflow.py").write_text("raise RuntimeError('a skipped run needs no TensorFlow')")
    return os.pathsep.join([str(fake), os.environ.get("PYTHONPATH", "")])
