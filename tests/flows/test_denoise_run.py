"""Rows that noise is taken from, through the command."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from tests.flows.conftest import Command, settings

QUICK = (
    "task.joint.epochs=20",
    "task.joint.min_steps=100",
    "task.noise={kind: gaussian, stddev: 0.1, up_to: 0.5}",
)
STACK = "stack=[{units: 96}, {units: 48}]"


@pytest.fixture(scope="module")
def workspace(make_workspace, run_here: Command) -> Path:
    folder: Path = make_workspace("denoise")
    result = run_here(
        "run", "--data", "digits", "--task", "denoise", "--summary", "summary.json",
        *settings(*QUICK, "export.arm=pretrained"), "--set", STACK, folder=folder,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    (folder / "said.txt").write_text(result.stdout)
    return folder


def test_arms_and_filters_are_compared_by_how_much_noise_they_take_off(workspace: Path):
    summary = json.loads((workspace / "summary.json").read_text())
    assert summary["metric"] == "snr"
    (row,) = summary["comparison"]
    assert set(row["arms"]) == {"pretrained", "random", "one_level", "as_given", "components"}
    means = {arm: scores["mean"] for arm, scores in row["arms"].items()}
    assert means["pretrained"] > means["as_given"] + 3
    assert row["gain"]["mean"] == pytest.approx(means["pretrained"] - means["random"])


def test_no_label_budget_is_spoken_of(workspace: Path):
    said = (workspace / "said.txt").read_text()
    assert "signal-to-noise ratio in dB" in said
    assert "0 labels" not in said
    page = Path(json.loads((workspace / "summary.json").read_text())["report"]).read_text()
    assert "0 labels" not in page
    assert "Noisy, denoised, clean" in page


def test_predict_gives_clean_rows_in_raw_units_and_reconstruct_the_same(
    workspace: Path, command: Command
):
    clean = load_digits().data[:200]
    noisy = clean + np.random.default_rng(0).normal(0, 16 * 0.3, clean.shape)
    np.save(workspace / "noisy.npy", noisy)
    found = {}
    for name in ("predict", "reconstruct"):
        model = "models:/digits@latest_run"
        result = command(name, model, "noisy.npy", "-o", f"{name}.npy", folder=workspace)
        assert result.exit_code == 0, result.stderr
        found[name] = np.load(workspace / f"{name}.npy")
    np.testing.assert_array_equal(found["predict"], found["reconstruct"])
    assert np.square(found["predict"] - clean).mean() < 0.5 * np.square(noisy - clean).mean()


def test_of_one_level_there_is_one_arm_and_filters_of_images_are_refused_for_a_table(
    workspace: Path, command: Command
):
    pd.DataFrame(load_digits().data[:300, 10:16]).to_csv(workspace / "table.csv", index=False)
    given = ("run", "--data", "table.csv", "--task", "denoise", "--set", "data.header=true")
    result = command(*given, "--dry-run", folder=workspace)
    assert result.exit_code == 0, result.stderr
    assert "train pretrained" in result.stdout
    assert "one_level" not in result.stdout
    named = ("--set", "finetune.references=[median]")
    result = command(*given, *named, "--dry-run", folder=workspace)
    assert result.exit_code == 2
    assert "the rows are no images" in " ".join(result.stderr.split())
    result = command(*given, "--set", "export.arm=one_level", "--dry-run", folder=workspace)
    assert result.exit_code == 2
    assert "Set it to pretrained" in " ".join(result.stderr.split())


def test_a_code_of_any_level_is_given(workspace: Path, command: Command):
    np.save(workspace / "few.npy", load_digits().data[:5])
    for level, units in ((1, 96), (2, 48)):
        result = command(
            "encode", "models:/digits@latest_run", "few.npy", "--level", str(level), "-o",
            "codes.parquet", folder=workspace,
        )  # fmt: skip
        assert result.exit_code == 0, result.stderr
        assert pd.read_parquet(workspace / "codes.parquet").shape == (5, units)


@pytest.mark.parametrize(
    ("options", "cure"),
    [
        (("--level", "3"), "--level must be 1 to 2"),
        (("--dims", "4"), "train one with --task embed"),
        (("--dims", "4", "--level", "1"), "Leave one of them out"),
    ],
)
def test_codes_that_there_are_not_are_refused(
    workspace: Path, command: Command, options: tuple[str, ...], cure: str
):
    np.save(workspace / "rows.npy", load_digits().data[:5])
    model = "models:/digits@latest_run"
    result = command("encode", model, "rows.npy", *options, "-o", "c.npy", folder=workspace)
    assert result.exit_code == 2
    assert cure in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("setting", "cure"),
    [
        ("task.noise={kind: none}", "noise must be of a kind"),
        ("task.noise={kind: masking, share: 0.3, up_to: 0.2}", "up_to must be greater"),
        ("finetune.references=[forest]", "as_given, components, median, nonlocal_means"),
    ],
)
def test_what_cannot_be_denoised_is_refused(
    workspace: Path, command: Command, setting: str, cure: str
):
    result = command(
        "run", "--data", "digits", "--task", "denoise", "--set", setting, "--dry-run",
        folder=workspace,
    )  # fmt: skip
    assert result.exit_code == 2
    assert cure in " ".join(result.stderr.split())
