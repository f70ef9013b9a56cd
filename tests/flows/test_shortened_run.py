"""`layerwise run --time-limit`: what would end later does not begin, what is there is compared."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

from flows.duration import limit_seconds
from pipeline.errors import InputError
from pipeline.tracking.tracker import Tracker
from tests.flows.conftest import Command, Layerwise, settings
from tests.flows.notices.listener import listening

# A stack takes seconds, so that a limit falls between the first and the last.
LONG = settings(
    "finetune.seeds=6", "pretrain_seeds=6", "finetune.label_budgets=[30]",
    "finetune.references=[]", "stack.0.epochs=400", "stack.1.epochs=400",
)  # fmt: skip
LIMITS = (30, 40, 55, 75, 100, 135, 180)
"""Seconds; how many are too few for the first stack depends on the machine."""


@pytest.mark.parametrize(
    ("text", "seconds"), [("45s", 45), ("90m", 5400), ("1h30m", 5400), ("1h", 3600), ("1d", 86400)]
)
def test_lengths_of_time_are_read_as_people_write_them(text: str, seconds: int):
    assert limit_seconds(text) == seconds


@pytest.mark.parametrize("text", ["60", "soon", "-1h", "0s", "nat", ""])
def test_what_is_no_length_of_time_is_refused(text: str):
    with pytest.raises(InputError, match=r"such as 45s, 90m or 1h30m\. Given: '"):
        limit_seconds(text)


def test_it_is_refused_before_anything_begins(command: Command, tmp_path: Path):
    for arguments in (["run", "digits"], ["schedule", "run", "digits", "--interval", "1h"]):
        result = command(*arguments, "--time-limit", "60", folder=tmp_path)
        assert result.exit_code == 2
        assert "A time limit needs a length of time" in result.output
    assert list(tmp_path.iterdir()) == []


def test_the_model_of_a_run_that_was_cut_short_before_its_export_is_refused(
    command: Command, tmp_path: Path
):
    tracker = Tracker(f"sqlite:///{tmp_path}/mlruns/mlflow.db", "digits")
    run = tracker.start("run", "run", None, {"shortened": "There was no time."})
    tracker.finish(run)
    result = command("export", "digits", "copy", folder=tmp_path)
    assert result.exit_code == 2, result.output
    assert f"Run {run.run_id} has no model: its time limit" in result.output


@pytest.mark.slow
def test_a_run_that_was_cut_short_says_so_and_is_completed_by_the_next(
    make_workspace: Callable[[str], Path], layerwise: Layerwise
):
    folder = make_workspace("limited")
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    file = folder / "s.json"

    def run(*options: str):
        arguments = ("run", "digits", *LONG, "--summary", "s.json", *options)
        done = layerwise(*arguments, folder=folder, seconds=480)
        assert done.returncode == 0, done.stderr
        return done

    def tags() -> dict[str, str]:
        """Of the latest run."""
        (found,) = client.search_experiments(filter_string="name = 'digits'")
        return client.search_runs(
            [found.experiment_id], "tags.`layerwise.stage` = 'run'", max_results=1
        )[0].data.tags

    nothing = run("--time-limit", "1s")
    assert "Shortened. The time limit of 1s left no time for: 6 of 6 stacks" in nothing.stderr
    assert "There is nothing to compare yet" in nothing.stderr
    assert not file.exists()
    assert "layerwise.shortened" in tags()

    with listening() as listener:
        notify = ("--notify", listener.address)
        shortened = next(
            done
            for limit in LIMITS
            if (done := run("--time-limit", f"{limit}s", *notify)) and file.exists()
        )
    cut = json.loads(file.read_text())
    ((row,), (arm, *_)) = cut["comparison"], cut["missing"]
    assert row["verdict"] == "incomplete"
    assert len(row["arms"]["pretrained"]["accuracy"]) + len(arm["seeds"]) == 6
    assert cut["export"] == {}
    assert cut["shortened"] == tags()["layerwise.shortened"]
    notice = listener.notices[-1]
    assert (notice["event"], notice["state"]) == ("shortened", "Shortened")
    assert notice["reason"] == cut["shortened"]
    assert notice["text"].endswith("from what is computed. 30 labels: incomplete")
    assert "left no time for" in shortened.stdout
    assert "incomplete" in layerwise("compare", folder=folder).stdout
    assert "shortened" in layerwise("status", folder=folder).stdout

    whole = run("--when-changed")
    assert "Skipped" not in whole.stderr
    summary = json.loads(file.read_text())
    assert summary["shortened"] is None
    assert summary["missing"] == []
    assert Path(summary["export"]["path"]).is_dir()
    (completed,) = summary["comparison"]
    assert completed["verdict"] != "incomplete"
    done = len(row["arms"]["pretrained"]["accuracy"])
    for name, scores in row["arms"].items():
        assert completed["arms"][name]["accuracy"][: len(scores["accuracy"])] == scores["accuracy"]
    before = [made for layer in cut["layers"] for made in layer["made_by"][:done]]
    assert set(before) <= {made for layer in summary["layers"] for made in layer["made_by"]}
    assert "Skipped" in run("--when-changed").stderr
