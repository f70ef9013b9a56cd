"""Rows that are put in few dimensions, through the command."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine

from tests.flows.conftest import Command, settings

QUICK = (
    "task.joint.epochs=20",
    "task.joint.min_steps=100",
    "task.dims=4",
    "task.prefixes=[2]",
    "finetune.seeds=2",
)
STACK = "stack=[{units: 32}, {units: 16}]"


@pytest.fixture(scope="module")
def wine() -> pd.DataFrame:
    frame = load_wine(as_frame=True).frame
    frame["id"] = [f"w{number}" for number in range(len(frame))]
    return frame


@pytest.fixture(scope="module")
def workspace(wine: pd.DataFrame, make_workspace, run_here: Command) -> Path:
    folder: Path = make_workspace("embed")
    wine.to_csv(folder / "wine.csv", index=False)
    result = run_here(
        "run", "--data", "wine.csv", "--label", "target", "--task", "embed", "--set",
        "finetune.references=[as_given,components,svd,nmf]", "--summary", "summary.json",
        *settings(*QUICK), "--set", STACK, folder=folder,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "Warning" not in result.output
    return folder


def test_arms_and_references_are_compared_by_the_neighbours_of_rows(workspace: Path):
    summary = json.loads((workspace / "summary.json").read_text())
    assert summary["metric"] == "neighbour_accuracy"
    (row,) = summary["comparison"]
    references = {"as_given", "components", "svd", "nmf"}
    assert set(row["arms"]) == {"pretrained", "random", "frozen", *references}
    assert all(scores["mean"] > 0.6 for scores in row["arms"].values())


def test_the_report_shows_rows_in_two_dimensions_and_what_each_number_keeps(workspace: Path):
    page = Path(json.loads((workspace / "summary.json").read_text())["report"]).read_text()
    assert "The rows in two dimensions" in page
    assert "Explained variance over dimensions" in page


def test_few_dimensions_are_the_first_of_more_and_rows_keep_their_names(
    workspace: Path, wine: pd.DataFrame, command: Command
):
    found = {}
    for dims in (2, 4):
        result = command(
            "encode", "models:/wine@latest_run", "wine.csv", "--keep", "id", "--dims", str(dims),
            "-o", f"{dims}.csv", folder=workspace,
        )  # fmt: skip
        assert result.exit_code == 0, result.stderr
        found[dims] = pd.read_csv(workspace / f"{dims}.csv")
    assert list(found[2]) == ["id", "code_0", "code_1"]
    assert found[2]["id"].tolist() == wine["id"].tolist()
    pd.testing.assert_frame_equal(found[2], found[4].iloc[:, :3])


def test_more_dimensions_than_there_are_are_refused(workspace: Path, command: Command):
    result = command(
        "encode", "models:/wine@latest_run", "wine.csv", "--dims", "5", "-o", "c.csv",
        folder=workspace,
    )  # fmt: skip
    assert result.exit_code == 2
    assert "--dims must be 1 to 4" in result.stderr


def test_text_is_refused_in_a_file_of_numbers(workspace: Path, command: Command):
    result = command(
        "encode", "models:/wine@latest_run", "wine.csv", "--keep", "id", "-o", "c.npy",
        folder=workspace,
    )  # fmt: skip
    assert result.exit_code == 2
    assert "'id' is text" in result.stderr
    assert not (workspace / "c.npy").exists()


def test_no_class_is_needed(workspace: Path, wine: pd.DataFrame, run_here: Command):
    wine.drop(columns="target").to_csv(workspace / "plain.csv", index=False)
    result = run_here(
        "run", "--data", "plain.csv", "--task", "embed", "--summary", "plain.json",
        *settings(*QUICK), "--set", STACK, folder=workspace,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    summary = json.loads((workspace / "plain.json").read_text())
    assert summary["metric"] == "trustworthiness"
    codes = np.array([scores["mean"] for scores in summary["comparison"][0]["arms"].values()])
    assert ((codes > 0.7) & (codes <= 1)).all()
