"""A table whose unusual rows are to be found, through the command."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

from tests.flows.conftest import Command, settings

JOINT = ("task.joint.epochs=2", "task.joint.min_steps=40")


@pytest.fixture(scope="module")
def tumours() -> pd.DataFrame:
    """All benign tumours, 40 malignant ones, and a category."""
    frame = load_breast_cancer(as_frame=True).frame
    malignant = frame[frame["target"] == 0].head(40)
    table = pd.concat([frame[frame["target"] == 1], malignant]).iloc[:, [*range(8), 30]]
    table["size"] = pd.cut(table["mean area"], 3, labels=["small", "medium", "large"]).astype(str)
    return table.rename(columns={"target": "benign"})


@pytest.fixture(scope="module")
def workspace(tumours: pd.DataFrame, make_workspace, run_here: Command) -> Path:
    folder: Path = make_workspace("anomalies")
    tumours.to_csv(folder / "tumours.csv", index=False)
    result = run_here(
        "run", "--data", "tumours.csv", "--label", "benign", "--task", "anomaly",
        "--summary", "summary.json", *settings(*JOINT), folder=folder,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    (folder / "said.txt").write_text(result.stdout)
    return folder


def test_arms_and_detectors_are_compared_by_how_they_part_anomalies(workspace: Path):
    summary = json.loads((workspace / "summary.json").read_text())
    assert summary["metric"] == "auroc"
    (row,) = summary["comparison"]
    assert {"pretrained", "random", "frozen", "neighbours", "isolation_forest"} <= set(row["arms"])
    assert row["arms"]["pretrained"]["mean"] > 0.8
    assert row["gain"]["mean"] == pytest.approx(
        row["arms"]["pretrained"]["mean"] - row["arms"]["random"]["mean"]
    )


def test_no_anomaly_trains_and_those_that_do_not_validate_all_test(workspace: Path):
    data = json.loads((workspace / "summary.json").read_text())["data"]
    benign = 357
    assert data["pretrain_rows"] == data["train_rows"] < benign
    assert data["train_rows"] + data["validation_rows"] + data["test_rows"] == benign + 40
    assert "none trains anything" in " ".join((workspace / "said.txt").read_text().split())


def test_predict_tells_score_p_value_label_and_the_columns_that_matter(
    workspace: Path, tumours: pd.DataFrame, command: Command
):
    odd = tumours.head(20).copy()
    odd.loc[odd.index[0], "mean smoothness"] = 40.0
    odd.drop(columns="benign").to_csv(workspace / "odd.csv", index=False)
    found = command(
        "predict", "models:/tumours@latest_run", "odd.csv", "-o", "found.csv", folder=workspace
    )
    assert found.exit_code == 0, found.stderr
    rows = pd.read_csv(workspace / "found.csv")
    assert list(rows) == ["label", "p_value", "score", "because"]
    assert rows["label"][0] == "anomaly"
    assert rows["because"][0].startswith("mean smoothness ")
    assert rows["score"].idxmax() == 0
    assert np.array_equal(rows["label"] == "anomaly", rows["p_value"] <= 0.05)


def test_the_report_shows_the_most_unusual_rows(workspace: Path):
    summary = json.loads((workspace / "summary.json").read_text())
    page = Path(summary["report"]).read_text()
    assert "The most unusual test rows" in page
    assert "known as" in page


def test_no_label_is_needed(workspace: Path, tumours: pd.DataFrame, run_here: Command):
    tumours.drop(columns="benign").to_csv(workspace / "plain.csv", index=False)
    result = run_here(
        "run", "--data", "plain.csv", "--task", "anomaly", "--summary", "plain.json",
        *settings(*JOINT), folder=workspace,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    summary = json.loads((workspace / "plain.json").read_text())
    assert summary["metric"] == "reconstruction_error"
    # Detectors would have nothing to be judged by.
    arms = summary["comparison"][0]["arms"]
    assert set(arms) == {"pretrained", "random", "frozen"}
    assert all(scores["mean"] > 0 for scores in arms.values())


def test_detectors_that_nothing_can_judge_are_refused(workspace: Path, command: Command):
    result = command(
        "run", "--data", "tumours.csv", "--task", "anomaly", "--set", "data.ignore=[benign]",
        "--set", "finetune.references=[neighbours]", "--dry-run", folder=workspace,
    )  # fmt: skip
    assert result.exit_code == 2
    assert "judged by how they part known anomalies" in " ".join(result.stderr.split())


def test_images_are_told_by_their_own_detector_which_a_model_takes_along(
    workspace: Path, run_here: Command, command: Command
):
    digits = load_digits().images
    np.savez(workspace / "digits.npz", x=digits)
    result = run_here(
        "run", "--data", "digits.npz", "--task", "anomaly", *settings(*JOINT), folder=workspace
    )
    assert result.exit_code == 0, result.stderr
    np.savez(workspace / "images.npz", x=np.concatenate([digits[:50], digits[:50, ::-1, ::-1] / 2]))
    found = command(
        "predict", "models:/digits@latest_run", "images.npz", "-o", "images.csv", folder=workspace
    )
    assert found.exit_code == 0, found.stderr
    scores = pd.read_csv(workspace / "images.csv")["score"]
    assert scores[50:].mean() > scores[:50].mean() + 1
