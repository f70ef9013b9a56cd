"""Noise learned from rows that are known with it and without it, through the command."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from tests.flows.conftest import Command, Layerwise, settings

RUN = ("run", "--data", "clean.csv", "--task", "denoise", "--set", "data.noisy_rows=noisy.csv")
QUICK = settings(
    "finetune.seeds=2", "task.joint.epochs=20", "task.joint.min_steps=400",
    "export.arm=pretrained",
)  # fmt: skip
STACK = "stack=[{units: 32, epochs: 10}]"


def with_a_drift(rows: np.ndarray) -> np.ndarray:
    """What no kind of noise that the program knows does to rows: each column leaks into the next,
    and all lose contrast.
    """
    return 0.5 * rows + 0.5 * np.roll(rows, 1, axis=1) + 3


@pytest.fixture(scope="module")
def workspace(make_workspace, layerwise: Layerwise) -> Path:
    folder: Path = make_workspace("pairs")
    clean = load_digits().data[:, 10:15]
    names = [f"c{n}" for n in range(clean.shape[1])]
    pd.DataFrame(clean, columns=names).to_csv(folder / "clean.csv", index=False)
    noisy = pd.DataFrame(with_a_drift(clean), columns=names)
    noisy[names[::-1]].to_csv(folder / "noisy.csv", index=False)
    noisy[5:].to_csv(folder / "fewer.csv", index=False)
    result = layerwise(*RUN, "--summary", "summary.json", *QUICK, "--set", STACK, folder=folder)
    assert result.returncode == 0, result.stderr
    return folder


def test_what_was_done_to_rows_is_learned_from_both(workspace: Path):
    (row,) = json.loads((workspace / "summary.json").read_text())["comparison"]
    means = {arm: scores["mean"] for arm, scores in row["arms"].items()}
    assert means["pretrained"] > means["as_given"] + 5
    assert means["pretrained"] > means["components"] + 3


def test_new_rows_are_freed_of_it_in_raw_units(workspace: Path, command: Command):
    result = command(
        "predict", "models:/clean@latest_run", "noisy.csv", "-o", "found.npy", folder=workspace
    )
    assert result.exit_code == 0, result.stderr
    clean = pd.read_csv(workspace / "clean.csv").to_numpy()
    error = np.square(np.load(workspace / "found.npy") - clean).mean()
    assert error < 0.3 * np.square(with_a_drift(clean) - clean).mean()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("data.noisy_rows=fewer.csv",), "Make them as many"),
        (("data.unlabelled_rows=noisy.csv",), "Leave one out"),
        (("task={kind: embed}",), "task.kind: denoise"),
    ],
)
def test_rows_that_make_no_pairs_are_refused(
    workspace: Path, layerwise: Layerwise, given: tuple[str, ...], said: str
):
    result = layerwise(*RUN, "--dry-run", *settings(*given), folder=workspace)
    assert result.returncode == 2
    assert said in " ".join(result.stderr.split())
