"""Runs as MLflow keeps them: tags, parameters, metrics, the dataset."""

import json
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from pipeline.tracking.pages.system_metrics import system_metrics
from tests.pipeline.tracking.stored_runs import (
    PARENT,
    StoppedError,
)

# Runs


def test_a_stage_is_a_child_with_its_tags_and_its_duration(tracker):
    parent = tracker.start("whole", "run", None, {"seed": 3})
    tags = {"key": "abc", "cached": False, "level": 1}
    with tracker.stage("pretrain level 1", "pretrain", parent.run_id, tags) as stage:
        assert tracker.client.get_run(stage.run_id).info.status == "RUNNING"
    run = tracker.client.get_run(stage.run_id)
    assert run.info.status == "FINISHED"
    assert (run.info.run_name, run.data.tags[PARENT]) == ("pretrain level 1", parent.run_id)
    ours = {name: value for name, value in run.data.tags.items() if name.startswith("layerwise.")}
    assert ours == {
        "layerwise.stage": "pretrain",
        "layerwise.key": "abc",
        "layerwise.cached": "False",
        "layerwise.level": "1",
        "layerwise.run": parent.run_id[:8],
    }
    assert set(run.data.metrics) == {"seconds"}
    assert run.data.metrics["seconds"] > 0
    assert PARENT not in tracker.client.get_run(parent.run_id).data.tags


@pytest.mark.parametrize(
    ("error", "status"),
    [(StoppedError, "FAILED"), (KeyboardInterrupt, "KILLED"), (SystemExit, "KILLED")],
)
def test_a_stage_that_stops_is_failed_or_killed_and_keeps_what_it_logged(error, status, tracker):
    with pytest.raises(error), tracker.stage("name", "pretrain", None, {}) as stage:
        stage.metrics({"loss": 0.5}, step=3)
        raise error
    run = tracker.client.get_run(stage.run_id)
    assert run.info.status == status
    assert run.info.end_time is not None
    assert run.data.metrics == {"loss": 0.5}


def test_children_are_the_finished_stages_of_one_run_in_order(tracker):
    parent, other = (tracker.start("whole", "run", None, {}) for _ in range(2))
    for name in ("first", "second"):
        with tracker.stage(name, name, parent.run_id, {}):
            pass
    with tracker.stage("elsewhere", "elsewhere", other.run_id, {}):
        pass
    with pytest.raises(StoppedError), tracker.stage("failed", "failed", parent.run_id, {}):
        raise StoppedError
    tracker.start("still running", "still running", parent.run_id, {})
    assert [child.tags["stage"] for child in tracker.children(parent.run_id)] == ["first", "second"]


def test_a_run_is_read_back_as_it_was_written(tracker):
    with tracker.stage("name", "pretrain", None, {"level": 2}) as stage:
        stage.params({"units": 8, "sparsity": {"mechanism": "topk", "k": 3}, "drop": ["a"]})
        stage.metrics({"loss": 0.1 + 0.2}, step=1)
        stage.metrics({"loss": 1 / 3}, step=2)
        stage.tags({"path": "somewhere"})
    run = tracker.run(stage.run_id)
    assert run.tags == {"stage": "pretrain", "level": "2", "path": "somewhere"}
    assert run.params == {
        "units": "8",
        "sparsity.mechanism": "topk",
        "sparsity.k": "3",
        "drop": "['a']",
    }
    assert run.metrics["loss"] == 1 / 3  # to the last bit


def test_a_run_with_more_parameters_than_a_call_takes_has_them_all(tracker):
    with tracker.stage("name", "pretrain", None, {}) as stage:
        stage.params({f"p{number}": number for number in range(250)} | {"long": "x" * 7000})
    params = tracker.run(stage.run_id).params
    assert {name: value for name, value in params.items() if name != "long"} == {
        f"p{number}": str(number) for number in range(250)
    }
    assert params["long"].startswith("x" * 5900) and len(params["long"]) == 6000
    assert params["long"].endswith(" ... (whole in params.json)")
    whole = Path(tracker.client.download_artifacts(stage.run_id, "params.json")).read_text()
    assert json.loads(whole)["long"] == "x" * 7000


def test_parameters_of_several_levels_are_told_apart_by_their_number(tracker):
    with tracker.stage("name", "run", None, {}) as stage:
        stage.params({"stack": [{"units": 8}, {"units": 4, "sparsity": {"k": 2}}], "seeds": None})
    assert tracker.run(stage.run_id).params == {
        "stack.0.units": "8", "stack.1.units": "4", "stack.1.sparsity.k": "2", "seeds": "None"
    }  # fmt: skip


def test_source_version_and_user_are_filled(tracker):
    with tracker.stage("name", "pretrain", None, {}) as stage:
        pass
    tags = tracker.client.get_run(stage.run_id).data.tags
    assert tags["mlflow.source.name"] == "layerwise"
    assert tags["mlflow.source.git.commit"] == version("layerwise")
    assert tags["mlflow.user"]


def test_the_load_of_the_machine_is_logged_while_a_stage_works(tracker, monkeypatch):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.2")
    with tracker.stage("name", "pretrain", None, {}) as stage:
        end = time.monotonic() + 60
        with system_metrics(tracker.uri, stage.run_id):
            while "system/cpu_utilization_percentage" not in tracker.run(stage.run_id).metrics:
                assert time.monotonic() < end
                time.sleep(0.2)


# Metrics


def test_every_metric_of_a_long_stage_arrives(tracker):
    with tracker.stage("name", "pretrain", None, {}) as stage:
        for step in range(1250):
            stage.metrics({"loss": step / 7, "error": step / 11}, step)
    for name, divisor in (("loss", 7), ("error", 11)):
        history = tracker.client.get_metric_history(stage.run_id, name)
        got = {metric.step: metric.value for metric in history}
        assert got == {step: step / divisor for step in range(1250)}


def test_metrics_can_be_watched_while_the_stage_works(tracker, monkeypatch):
    with tracker.stage("name", "pretrain", None, {}) as stage:
        stage.metrics({"loss": 1.0}, 1)
        assert tracker.run(stage.run_id).metrics == {}  # two seconds have not passed
        monkeypatch.setattr("pipeline.tracking.metric_buffer.SECONDS", 0.0)
        stage.metrics({"loss": 0.5}, 2)
        end = time.monotonic() + 30
        while tracker.run(stage.run_id).metrics != {"loss": 0.5}:
            assert time.monotonic() < end
    assert len(tracker.client.get_metric_history(stage.run_id, "loss")) == 2


def test_numbers_that_are_not_finite_can_be_logged(tracker):
    with tracker.stage("name", "pretrain", None, {}) as stage:
        stage.metrics({"nan": np.nan, "inf": np.inf, "float32": np.float32(0.1)})
    metrics = tracker.run(stage.run_id).metrics
    assert np.isnan(metrics["nan"])
    assert metrics["inf"] > 1e300
    assert metrics["float32"] == float(np.float32(0.1))


# The dataset


def test_the_dataset_is_logged_with_name_origin_digest_and_schema(tracker, digits):
    rows, classes = digits
    with tracker.stage("data", "data", None, {}) as stage:
        stage.dataset("digits", "scikit-learn", "d" * 64, rows, classes, {"rows": 1797})
    (logged,) = tracker.client.get_run(stage.run_id).inputs.dataset_inputs
    assert (logged.dataset.name, logged.dataset.digest) == ("digits", "d" * 36)
    assert json.loads(logged.dataset.source) == {"origin": "scikit-learn"}
    assert json.loads(logged.dataset.profile) == {"rows": 1797}
    schema = json.loads(logged.dataset.schema)
    assert "float32" in json.dumps(schema) and "64" in json.dumps(schema)
    assert [(tag.key, tag.value) for tag in logged.tags] == [("mlflow.data.context", "training")]
