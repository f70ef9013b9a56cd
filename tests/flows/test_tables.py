"""Tables of one's own: categories, missing values, rows without a label, numbers as targets."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from sklearn.datasets import load_breast_cancer, load_diabetes

from tests.flows.conftest import Command, settings


@pytest.fixture(scope="module")
def tumours() -> pd.DataFrame:
    """569 tumours: 11 numbers, one in words, some cells empty, a third without a diagnosis."""
    frame = load_breast_cancer(as_frame=True).frame
    table = frame.iloc[:, :11].rename(columns=lambda name: name.replace(" ", "_"))
    table["size"] = pd.cut(frame["mean area"], 3, labels=["small", "medium", "large"]).astype(str)
    table["diagnosis"] = frame["target"].map({0: "malignant", 1: "benign"})
    rng = np.random.default_rng(0)
    table.loc[rng.choice(569, 40, replace=False), "mean_texture"] = np.nan
    table.loc[rng.choice(569, 20, replace=False), "size"] = None
    table.loc[rng.choice(569, 190, replace=False), "diagnosis"] = None
    return table


@pytest.fixture(scope="module")
def folder(tumours: pd.DataFrame, make_workspace, run_here: Command) -> Path:
    """Where a run on the tumours has ended, whose first level judges categories as such."""
    folder: Path = make_workspace("tumours")
    tumours.to_csv(folder / "tumours.csv", index=False)
    result = run_here(
        "run", "--data", "tumours.csv", "--label", "diagnosis", "--summary", "summary.json",
        *settings("stack.0.loss=by_kind", "finetune.label_budgets=[40]"), folder=folder,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    return folder


def test_a_table_with_categories_gaps_and_unlabelled_rows(
    tumours: pd.DataFrame, folder: Path, command: Command
):
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["experiment"] == "tumours"
    assert summary["data"]["classes"] == ["benign", "malignant"]
    # 569 rows: 190 without a label pretrain, and 68 % of the others (less test, less validation).
    assert (
        summary["data"]["train_rows"]
        + summary["data"]["validation_rows"]
        + summary["data"]["test_rows"]
        == 569 - 190
    )
    assert summary["data"]["pretrain_rows"] == summary["data"]["train_rows"] + 190
    # 8 pieces of each number; a mean texture that is missing; small, medium, large, missing.
    assert summary["data"]["features"] == 11 + 11 * 8 + 1 + 4

    # Columns are found by name, in any order; a category and a number may be missing here too.
    shuffled = tumours[sorted(tumours.columns)].drop(columns="diagnosis")
    shuffled.to_parquet(folder / "new.parquet")
    predicted = command(
        "predict", "models:/tumours@latest_run", "new.parquet", "-o", "labels.csv", folder=folder
    )
    assert predicted.exit_code == 0, predicted.stderr
    labels = pd.read_csv(folder / "labels.csv")["label"]
    known = tumours["diagnosis"].notna()
    assert (labels[known] == tumours["diagnosis"][known]).mean() > 0.8

    shuffled.drop(columns="mean_area").to_csv(folder / "narrow.csv", index=False)
    refused = command("predict", "exports/tumours", "narrow.csv", "-o", "none.csv", folder=folder)
    assert refused.exit_code == 2
    assert "no column 'mean_area'" in refused.stderr
    assert not (folder / "none.csv").exists()


def test_a_level_that_judges_categories_as_such_gives_shares(folder: Path, command: Command):
    done = command("reconstruct", "exports/tumours", "tumours.csv", "-o", "rows.csv", folder=folder)
    assert done.exit_code == 0, done.stderr
    rows = pd.read_csv(folder / "rows.csv")
    shares = rows[["size=", "size=large", "size=medium", "size=small"]].to_numpy()
    assert shares.min() >= 0
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)


def test_a_number_as_target(make_workspace, run_here: Command, command: Command):
    folder: Path = make_workspace("diabetes")
    frame = load_diabetes(as_frame=True, scaled=False).frame
    frame.to_parquet(folder / "diabetes.parquet")
    result = run_here(
        "run", "--data", "diabetes.parquet", "--label", "target", "--summary", "summary.json",
        *settings("task.kind=regression", "finetune.label_budgets=[100, all]",
                  "finetune.min_steps=300", "finetune.learning_rate=0.001", "finetune.dropout=0"),
        folder=folder,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "R squared" in result.stdout
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["metric"] == "r2"
    best = summary["comparison"][-1]["arms"]["random"]["r2"]
    assert all(0.2 < score < 1 for score in best)
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    trial = client.search_runs(
        [client.get_experiment_by_name("diabetes").experiment_id],
        "tags.`layerwise.stage` = 'finetune'",
    )[0]
    assert "r2" in trial.data.metrics and "accuracy" not in trial.data.metrics

    predicted = command(
        "predict", "exports/diabetes/1", "diabetes.parquet", "-o", "out.csv", folder=folder
    )
    assert predicted.exit_code == 0, predicted.stderr
    predictions = pd.read_csv(folder / "out.csv")["prediction"]
    # In the target's own units, not standardised ones.
    assert 100 < predictions.mean() < 200
    assert np.corrcoef(predictions, frame["target"])[0, 1] > 0.5
