"""The summary of a run: every field that design.md promises, read back from MLflow."""

import json
from pathlib import Path
from statistics import fmean

import pytest

from pipeline.errors import InputError
from pipeline.stages.summary import read_summary
from pipeline.tracking.tracker import Tracker

LEVEL = {
    "reconstruction_error": 0.05,
    "explained_variance": 0.7,
    "active_fraction": 0.1,
    "mean_activation": 0.2,
    "dead_fraction": 0.0,
}
CLASSES = [f"class {number}" for number in range(2000)]  # longer than a tag may be
COMPARED = {
    "comparison": [{"labels": 20, "gain": None}], "label_saving": [{"labels": 20}], "missing": [],
}  # fmt: skip


@pytest.fixture
def metric() -> str:
    return "accuracy"


@pytest.fixture
def logged(uri, tmp_path: Path, metric: str) -> tuple[Tracker, str]:
    """A run whose stages logged hand-set numbers, in no particular order."""
    tracker = Tracker(uri, "made")
    run = tracker.start("made", "run", None, {"seed": 0})
    parent = run.run_id

    def stage(
        kind: str, tags: dict, metrics: dict, params: dict | None = None, file: Path | None = None
    ) -> None:
        with tracker.stage(kind, kind, parent, tags) as run:
            run.metrics(metrics)
            run.params(params or {})
            if file:
                run.artifact(file)

    for number, cached in ((2, False), (1, True)):
        tags = {"level": number, "stack": 0, "cached": cached}
        metrics = LEVEL | {"explained_variance": number / 10, "loss": 3.0, "epochs": 5}
        stage("pretrain", tags, metrics, {"units": 8 * number})
    for seed in (1, 0):
        for arm in ("pretrained", "random", "frozen"):
            stage("finetune", {"arm": arm, "labels": 20, "seed": seed}, {"accuracy": 0.5})
    (tmp_path / "data.json").write_text(json.dumps({"classes": CLASSES, "notes": ["lost"]}))
    stage("data", {"data": "digits", "key": "abc", "task": "classification"},
          {"rows": 10, "features": 4, "train_rows": 6}, file=tmp_path / "data.json")  # fmt: skip
    (tmp_path / "comparison.json").write_text(json.dumps(COMPARED))
    stage("compare", {}, {}, {"metric": metric}, file=tmp_path / "comparison.json")
    stage("export", {"path": "exports/made/1", "model_uri": "models:/made@latest_run",
                     "endpoints": json.dumps(["serve", "encode"])}, {})  # fmt: skip
    tracker.finish(tracker.start("another", "run", None, {}))
    return tracker, parent


def test_every_figure_is_what_the_stages_logged(logged):
    tracker, parent = logged
    summary = read_summary(tracker, tracker.run(parent))
    assert (summary["experiment"], summary["run_id"]) == ("made", parent)
    assert summary["metric"] == "accuracy"
    assert summary["data"] == {
        "name": "digits", "key": "abc", "task": "classification", "classes": CLASSES,
        "notes": ["lost"], "rows": 10, "features": 4, "train_rows": 6,
    }  # fmt: skip
    assert summary["export"] == {
        "path": "exports/made/1",
        "model_uri": "models:/made@latest_run",
        "endpoints": ["serve", "encode"],
    }


def test_levels_are_in_order_from_the_rows_upward(logged):
    tracker, parent = logged
    layers = read_summary(tracker, tracker.run(parent))["layers"]
    for number, layer in enumerate(layers, 1):
        assert layer.pop("seconds") > 0
        (made_by,) = layer.pop("made_by")
        stage = tracker.run(made_by)
        assert (stage.tags["stage"], stage.tags["level"]) == ("pretrain", str(number))
        assert layer == LEVEL | {
            "units": 8 * number,
            "epochs": 5,
            "explained_variance": number / 10,
            "cached": number == 1,
        }
    assert len(layers) == 2


def test_the_comparison_is_what_its_stage_stored(logged):
    tracker, parent = logged
    summary = read_summary(tracker, tracker.run(parent))
    assert summary["comparison"] == COMPARED["comparison"]
    assert summary["label_saving"] == COMPARED["label_saving"]


def test_a_comparison_that_was_changed_afterwards_is_refused(logged):
    tracker, parent = logged
    (stage,) = [c for c in tracker.children(parent) if c.tags["stage"] == "compare"]
    uri = tracker.client.get_run(stage.run_id).info.artifact_uri
    file = Path(uri.removeprefix("file://"), "comparison.json")
    file.write_text(file.read_text().replace("20", "30"))
    with pytest.raises(InputError, match="comparison.json.*is not what the run stored"):
        read_summary(tracker, tracker.run(parent))


def test_seconds_are_summed_by_stage_and_given_for_each_level(logged):
    tracker, parent = logged
    summary = read_summary(tracker, tracker.run(parent))
    children = tracker.children(parent)
    trials = [c.metrics["seconds"] for c in children if c.tags["stage"] == "finetune"]
    assert len(trials) == 6
    assert summary["seconds"]["finetune"] == pytest.approx(sum(trials))
    assert set(summary["seconds"]) == {
        "data", "pretrain 1", "pretrain 2", "finetune", "compare", "export"
    }  # fmt: skip
    assert [layer["seconds"] for layer in summary["layers"]] == [
        summary["seconds"]["pretrain 1"],
        summary["seconds"]["pretrain 2"],
    ]


def test_a_stage_that_failed_and_was_tried_again_counts_once(logged):
    tracker, parent = logged
    before = read_summary(tracker, tracker.run(parent))
    with pytest.raises(OSError), tracker.stage("d", "data", parent, {"data": "x"}):
        raise OSError
    assert read_summary(tracker, tracker.run(parent)) == before


@pytest.mark.parametrize("metric", ["accuracy", "log_loss", "r2"])
def test_the_comparison_says_what_is_scored(metric, logged):
    tracker, parent = logged
    assert read_summary(tracker, tracker.run(parent))["metric"] == metric


# Of a real run


def test_the_fields_are_those_that_other_programs_rely_on(digits_run):
    summary = json.loads(json.dumps(digits_run.summary))
    assert {
        "experiment", "run_id", "data", "layers", "comparison", "label_saving", "export", "seconds",
    } <= set(summary)  # fmt: skip
    assert {"rows", "features", "classes"} <= set(summary["data"])
    assert (summary["data"]["rows"], summary["data"]["features"]) == (1797, 64)
    for layer in summary["layers"]:
        assert {
            "units", "epochs", "reconstruction_error", "explained_variance", "active_fraction",
            "dead_fraction", "seconds", "cached",
        } <= set(layer)  # fmt: skip
    for row in summary["comparison"]:
        assert set(row) == {
            "labels", "arms", "gain", "against", "verdict", "stacks", "correlation",
        }  # fmt: skip
        assert set(row["arms"]) == {"pretrained", "random", "frozen"}
        for arm in row["arms"].values():
            assert set(arm) == {"accuracy", "mean", "std"}
            assert len(arm["accuracy"]) == 2
        assert {"mean", "ci95", "p_value", "p_holm"} <= set(row["gain"])
        assert set(row["against"]) == {"frozen"}
        assert row["verdict"] in ("helps", "hurts", "no evidence")
    for row in summary["label_saving"]:
        assert set(row) == {"labels", "equals", "bound", "ci95", "times"}
    assert set(summary["export"]) == {"path", "model_uri", "endpoints"}
    assert summary["export"]["endpoints"][:4] == ["serve", "encode", "reconstruct", "score"]


def test_the_summary_can_be_read_again_later(digits_home):
    tracker = digits_home.called.context.tracker
    run = tracker.run(digits_home.summary["run_id"])
    assert read_summary(tracker, run) == digits_home.summary


def test_the_layers_of_a_real_run_are_what_its_stages_measured(digits_run):
    stacks = digits_run.called.stacks
    assert len(stacks) == digits_run.summary["pretrain_seeds"] == 2  # one for each seed
    for layer, *made in zip(digits_run.summary["layers"], *stacks, strict=True):
        for name in ("explained_variance", "active_fraction", "dead_fraction"):
            assert layer[name] == pytest.approx(fmean(level.metrics[name] for level in made))
        assert 0 < layer["explained_variance"] < 1
        assert layer["cached"] is False
