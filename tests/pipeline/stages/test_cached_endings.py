"""Comparison, export and report of a run that was done before: taken from the store, or mended."""

import shutil
from pathlib import Path

import pytest

from pipeline.config.loading import check
from pipeline.config.schema import RunConfig
from pipeline.files import folder_digest
from pipeline.stages.summary import read_report
from pipeline.tracking.tracker import Tracker
from tests.pipeline.whole_runs import Whole, whole_run

CONFIG = {
    "name": "small",
    "stack": [{"units": 16, "epochs": 2, "batch_size": 128}],
    "finetune": {
        "arms": ["pretrained", "random"],
        "label_budgets": [50, 100],
        "seeds": 2,
        "min_steps": 20,
        "epochs": 1,
        "checkpoints": 1,
        "encoder_rates": [1.0],
    },
}
ENDINGS = ("compare", "export", "gate", "report")


@pytest.fixture(scope="module")
def first(at_home, tmp_path_factory) -> Whole:
    home = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch:
        at_home(home, patch)
        return whole_run(check(CONFIG), home)


@pytest.fixture
def home(first: Whole, at_home, monkeypatch: pytest.MonkeyPatch) -> Whole:
    at_home(first.home, monkeypatch)
    return first


def again(first: Whole, **export: str) -> Whole:
    config: RunConfig = check(CONFIG | {"export": export})
    return whole_run(config, first.home)


def tracker_of(run: Whole) -> Tracker:
    return run.called.context.tracker


def cached(run: Whole) -> dict[str, str]:
    children = tracker_of(run).children(run.called.run.run_id)
    return {c.tags["stage"]: c.tags["cached"] for c in children if c.tags["stage"] in ENDINGS}


def versions(run: Whole) -> list[str]:
    return [v.version for v in tracker_of(run).client.search_model_versions("name = 'small'")]


def test_a_second_run_does_none_of_them_again(home):
    second = again(home)

    assert cached(second) == dict.fromkeys(ENDINGS, "True")
    assert second.summary["comparison"] == home.summary["comparison"]
    assert second.summary["label_saving"] == home.summary["label_saving"]
    assert second.summary["export"] == home.summary["export"]
    assert second.summary["gate"] == home.summary["gate"] | {"cached": True}
    assert second.summary["report"] == home.summary["report"]
    assert [path.name for path in Path("exports/small").iterdir()] == ["1"]
    assert len(versions(home)) == 1


def test_the_report_and_the_gains_of_a_second_run_are_those_of_the_first(home):
    second = again(home)

    tracker = tracker_of(second)
    first_run, second_run = (tracker.run(run.called.run.run_id) for run in (home, second))
    assert read_report(tracker, second_run) == read_report(tracker, first_run)
    names = [name for name in first_run.metrics if name != "seconds"]
    assert "gain_at_50" in names and "accuracy_pretrained_at_100" in names
    assert {n: second_run.metrics[n] for n in names} == {n: first_run.metrics[n] for n in names}
    compared = [
        next(child for child in tracker.children(run.run_id) if child.tags["stage"] == "compare")
        for run in (first_run, second_run)
    ]
    gains = [
        {gain.step: gain.value for gain in tracker.client.get_metric_history(run.run_id, "gain")}
        for run in compared
    ]
    assert gains[0] == gains[1] and list(gains[0]) == [50, 100]


def test_what_a_copy_was_taken_from_is_a_link(home):
    tracker = tracker_of(home)
    copies = tracker.children(again(home).called.run.run_id)
    for copy in copies:
        note = tracker.client.get_run(copy.run_id).data.tags["mlflow.note.content"]
        assert f"(#/experiments/{tracker.experiment_id}/runs/{copy.made_by})" in note


def test_another_place_gets_a_copy(home, tmp_path):
    moved = again(home, directory=str(tmp_path))

    assert cached(moved)["export"] == "True"
    assert moved.model == tmp_path / "small" / "1"
    assert folder_digest(moved.model) == folder_digest(home.model)


def test_another_alias_points_at_the_same_version(home):
    renamed = again(home, alias="newest")

    assert renamed.summary["export"]["model_uri"] == "models:/small@newest"
    client = tracker_of(home).client
    versions_of = [
        client.get_model_version_by_alias("small", a).version for a in ("newest", "latest_run")
    ]
    assert versions_of == versions(home) * 2


def test_an_exported_model_that_was_changed_is_restored_beside_it(home):
    weights = next(home.model.glob("variables/*.data*"))
    kept = weights.read_bytes()
    weights.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    try:
        restored = again(home)
    finally:
        weights.write_bytes(kept)

    assert cached(restored)["export"] == "True"
    assert restored.model.name == "2"
    assert folder_digest(restored.model) == folder_digest(home.model)
    shutil.rmtree(restored.model)


@pytest.mark.slow
def test_a_model_that_is_lost_in_both_places_is_exported_again(at_home, tmp_path, monkeypatch):
    at_home(tmp_path, monkeypatch)
    config = check(CONFIG)
    lost = whole_run(config, tmp_path)
    for weights in tmp_path.rglob("variables.data*"):
        weights.write_bytes(b"")

    made = whole_run(config, tmp_path)

    # The same model is made again: what was decided of it stands.
    assert cached(made) == {
        "compare": "True", "export": "False", "gate": "True", "report": "True"
    }  # fmt: skip
    assert made.model.name == "2" and lost.model.name == "1"
    assert next(made.model.glob("variables/*.data*")).stat().st_size > 0
    client = tracker_of(made).client
    assert str(client.get_model_version_by_alias("small", "latest_run").version) == "2"
