"""The record and the store of what stages made: a real MLflow on SQLite."""

import json
import logging
import multiprocessing
import sqlite3
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from pipeline.errors import InputError
from pipeline.tracking.faults import transient
from pipeline.tracking.find import find_run, open_experiment
from pipeline.tracking.processes import close_dead_runs, this_process
from pipeline.tracking.registry import download_model
from pipeline.tracking.runs import FinishedRun
from pipeline.tracking.store import tracking_uri
from pipeline.tracking.tracker import Tracker

PARENT = "mlflow.parentRunId"
DID_THE_WORK = {"key": "k", "cached": False}


@pytest.fixture
def tracker(uri: str) -> Tracker:
    return Tracker(uri, "made")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(bytes(range(256)))
    return path


def stored(tracker: Tracker, run_id: str, name: str) -> Path:
    """Where an artifact lies on disk."""
    uri = tracker.client.get_run(run_id).info.artifact_uri
    return Path(uri.removeprefix("file://"), name)


def finished_run(tracker: Tracker, tags=DID_THE_WORK, file: Path | None = None) -> str:
    with tracker.stage("name", "pretrain", None, tags) as run:
        if file:
            run.artifact(file)
    return run.run_id


class StoppedError(Exception):
    """The work ends in the middle."""


# The store


def test_the_store_is_mlruns_of_the_working_directory_unless_told_otherwise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri() == f"sqlite:///{tmp_path}/mlruns/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000")
    assert tracking_uri() == "http://elsewhere:5000"


def test_an_experiment_is_made_once_and_found_again(uri: str):
    first, again, other = (Tracker(uri, name) for name in ("one", "one", "two"))
    assert first.experiment_id == again.experiment_id != other.experiment_id
    names = {e.name for e in MlflowClient(uri).search_experiments()}
    assert names == {"Default", "one", "two"}


def test_artifacts_lie_beside_the_database(tracker, file, tmp_path):
    run_id = finished_run(tracker, file=file)
    expected = tmp_path / "mlruns" / "artifacts" / "made" / run_id / "artifacts" / "weights.bin"
    assert stored(tracker, run_id, "weights.bin") == expected
    assert expected.read_bytes() == file.read_bytes()


def test_a_store_that_is_not_there_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # MLflow sets it; it is put back afterwards
    database = tmp_path / "new" / "folder" / "mlflow.db"
    finished_run(Tracker(f"sqlite:///{database}", "made"))
    assert sqlite3.connect(database).execute("select count(*) from runs").fetchone() == (1,)


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
    }
    assert set(run.data.metrics) == {"seconds"}
    assert run.data.metrics["seconds"] > 0
    assert PARENT not in tracker.client.get_run(parent.run_id).data.tags


@pytest.mark.parametrize(
    ("error", "status"),
    [(StoppedError, "FAILED"), (KeyboardInterrupt, "KILLED"), (SystemExit, "KILLED")],
)
def test_a_stage_that_stops_is_failed_or_killed_and_keeps_what_it_told(error, status, tracker):
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
    assert params["long"] == "x" * 6000


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


def test_numbers_that_are_not_finite_can_be_told(tracker):
    with tracker.stage("name", "pretrain", None, {}) as stage:
        stage.metrics({"nan": np.nan, "inf": np.inf, "float32": np.float32(0.1)})
    metrics = tracker.run(stage.run_id).metrics
    assert np.isnan(metrics["nan"])
    assert metrics["inf"] > 1e300
    assert metrics["float32"] == float(np.float32(0.1))


# Threads and processes


def work(uri: str, parent: str, number: int) -> None:
    """What a worker does: nothing but ids reach it."""
    with Tracker(uri, "made").stage(f"worker {number}", "finetune", parent, {}) as stage:
        stage.metrics({"number": number})


def check_workers(tracker: Tracker, parent: str, workers: int) -> None:
    found = sorted(int(child.metrics["number"]) for child in tracker.children(parent))
    assert found == list(range(workers))


def test_the_parent_is_found_from_threads(tracker):
    parent = tracker.start("whole", "run", None, {}).run_id
    threads = [threading.Thread(target=work, args=(tracker.uri, parent, n)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check_workers(tracker, parent, 4)


def test_the_parent_is_found_from_processes_that_share_no_memory(tracker):
    parent = tracker.start("whole", "run", None, {}).run_id
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=work, args=(tracker.uri, parent, n)) for n in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    check_workers(tracker, parent, 2)


# Artifacts


def test_an_artifact_comes_back_as_it_was_stored(tracker, file, tmp_path):
    run_id = finished_run(tracker, file=file)
    (tmp_path / "fetched").mkdir()
    path = tracker.artifact(run_id, "weights.bin", tmp_path / "fetched")
    assert path == tmp_path / "fetched" / "weights.bin"
    assert path.read_bytes() == file.read_bytes()


def test_every_artifact_s_digest_is_a_tag(tracker, file, tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    with tracker.stage("name", "pretrain", None, {}) as stage:
        stage.artifact(file)
        stage.artifact(tmp_path / "abc")
    digests = json.loads(tracker.run(stage.run_id).tags["digests"])
    assert set(digests) == {"weights.bin", "abc"}
    # NIST's example for SHA-256.
    assert digests["abc"].startswith("ba7816bf8f01cfea")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


def empty_folder(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()


DAMAGES = [truncate, flip, Path.unlink, empty_folder]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_artifact_is_refused(damage, tracker, file, tmp_path):
    run_id = finished_run(tracker, file=file)
    damage(stored(tracker, run_id, "weights.bin"))
    with pytest.raises(InputError, match=f"({run_id}.*weights.bin|weights.bin.*{run_id})"):
        tracker.artifact(run_id, "weights.bin", tmp_path)


def test_an_artifact_that_never_was_is_refused(tracker, file, tmp_path):
    with pytest.raises(InputError, match="has no artifact 'other'"):
        tracker.artifact(finished_run(tracker, file=file), "other", tmp_path)


# What was computed before


def test_a_finished_stage_is_found_by_its_key(tracker, file):
    run_id = finished_run(tracker, {"key": "k", "cached": False, "level": 1}, file)
    found = tracker.finished("k")
    assert isinstance(found, FinishedRun)
    assert (found.run_id, found.tags["level"]) == (run_id, "1")
    assert tracker.finished("another") is None


def test_the_latest_of_several_is_found(tracker):
    finished_run(tracker)
    latest = finished_run(tracker)
    assert tracker.finished("k").run_id == latest


def test_a_stage_of_another_experiment_is_found_too(uri, tracker):
    other = finished_run(Tracker(uri, "other"))
    found = tracker.finished("k")
    assert found and found.run_id == other


def test_a_stage_that_failed_or_still_runs_is_not_found(tracker):
    with pytest.raises(StoppedError), tracker.stage("name", "pretrain", None, DID_THE_WORK):
        raise StoppedError
    tracker.start("name", "pretrain", None, DID_THE_WORK)
    assert tracker.finished("k") is None


def test_a_stage_that_was_itself_cached_is_passed_over(tracker):
    did_the_work = finished_run(tracker)
    finished_run(tracker, {"key": "k", "cached": True})
    assert tracker.finished("k").run_id == did_the_work


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_stage_whose_artifact_is_damaged_is_computed_again(damage, tracker, file, caplog):
    run_id = finished_run(tracker, file=file)
    damage(stored(tracker, run_id, "weights.bin"))
    with caplog.at_level(logging.WARNING):
        assert tracker.finished("k") is None
    assert "computed again" in caplog.text
    again = finished_run(tracker, file=file)
    assert tracker.finished("k").run_id == again


def test_a_deleted_run_is_computed_again(tracker):
    tracker.client.delete_run(finished_run(tracker))
    assert tracker.finished("k") is None


# Experiments and runs by name


def whole_run(tracker: Tracker, status: str = "FINISHED") -> str:
    run = tracker.start("whole", "run", None, {})
    tracker.finish(run, status)
    return run.run_id


def test_the_latest_finished_run_is_found(tracker):
    whole_run(tracker)
    latest = whole_run(tracker)
    whole_run(tracker, "FAILED")
    finished_run(tracker)
    assert tracker.latest().run_id == latest


def test_an_experiment_without_a_finished_run_says_how_to_start_one(tracker):
    whole_run(tracker, "FAILED")
    with pytest.raises(InputError, match="'made' has no finished run.*layerwise run"):
        tracker.latest()


def test_an_experiment_is_opened_by_its_name(tracker):
    whole_run(tracker)
    assert open_experiment("made").experiment_id == tracker.experiment_id


def test_without_a_name_it_is_that_of_the_latest_finished_run(uri):
    for name in ("one", "two"):
        whole_run(Tracker(uri, name))
    finished_run(Tracker(uri, "three"))
    assert open_experiment(None).experiment == "two"


def test_an_unknown_experiment_is_refused_with_the_nearest(tracker):
    with pytest.raises(InputError) as caught:
        open_experiment("maid")
    assert str(caught.value) == ("There is no experiment 'maid'. Did you mean 'made'? Valid: made.")


def test_without_a_finished_run_there_is_nothing_to_open(tracker):
    with pytest.raises(InputError, match="No run has finished yet"):
        open_experiment(None)


def test_no_store_is_made_only_to_be_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for look in (open_experiment, find_run):
        with pytest.raises(InputError, match="no MLflow store .*Start a run first"):
            look("name")
    assert list(tmp_path.iterdir()) == []


def test_a_finished_run_is_found_by_its_id(tracker):
    run_id = whole_run(tracker)
    found_tracker, run = find_run(run_id)
    assert (found_tracker.experiment, run.run_id) == ("made", run_id)


def test_an_id_that_is_none_is_refused(tracker):
    with pytest.raises(InputError, match="There is no run 'abc'"):
        find_run("abc")


def test_a_stage_or_a_failed_run_is_no_whole_run(tracker):
    for run_id in (finished_run(tracker), whole_run(tracker, "FAILED")):
        with pytest.raises(InputError, match="not a finished run of the whole pipeline"):
            find_run(run_id)


@pytest.mark.parametrize("model", ["models:/nothing@latest_run", "models:/nothing/3"])
def test_a_model_that_is_not_registered_is_refused(model, tracker):
    with pytest.raises(InputError, match=f"MLflow has no model '{model}'"):
        download_model(model)


# The dataset


def test_the_dataset_is_logged_with_name_origin_digest_and_schema(tracker, digits):
    rows, classes = digits
    with tracker.stage("data", "data", None, {}) as stage:
        stage.dataset("digits", "scikit-learn", "d" * 64, rows, classes)
    (logged,) = tracker.client.get_run(stage.run_id).inputs.dataset_inputs
    assert (logged.dataset.name, logged.dataset.digest) == ("digits", "d" * 36)
    assert json.loads(logged.dataset.source) == {"origin": "scikit-learn"}
    schema = json.loads(logged.dataset.schema)
    assert "float32" in json.dumps(schema) and "64" in json.dumps(schema)
    assert [(tag.key, tag.value) for tag in logged.tags] == [("mlflow.data.context", "training")]


# What may be tried again


def test_faults_of_disk_network_and_store_are_transient_faults_of_the_input_are_not():
    assert transient(OSError("the disk is full"))
    assert transient(ConnectionResetError())
    assert transient(MlflowException("the server stumbled"))
    assert not transient(InputError("wrong"))
    assert not transient(ValueError("wrong"))
    assert not transient(MlflowException.invalid_parameter_value("wrong"))
    assert not transient(KeyboardInterrupt())


def test_a_path_that_is_wrong_is_not_tried_again(tmp_path):
    file = tmp_path / "file"
    file.touch()
    for attempt in (
        (tmp_path / "missing").read_text,
        tmp_path.read_text,
        file.mkdir,
        (file / "below").mkdir,
    ):
        with pytest.raises(OSError) as caught:
            attempt()
        assert not transient(caught.value)
    assert not transient(PermissionError(13, "denied"))


# What a killed process leaves behind


def test_what_a_dead_process_left_running_is_closed_as_killed(uri):
    tracker = Tracker(uri, "left")
    alive = this_process()
    machine, number, began = alive.split()

    def left_open(process: str) -> tuple[str, str]:
        parent = tracker.start("left", "run", None, {"process": process})
        return parent.run_id, tracker.start("level", "pretrain", parent.run_id, {}).run_id

    reused_number = left_open(f"{machine} {number} {float(began) - 100:.2f}")
    no_such_number = left_open(f"{machine} 4194305 {began}")
    still_alive = left_open(alive)
    elsewhere = left_open(f"another-machine 4194305 {began}")
    successor = tracker.start("left", "run", None, {"process": alive}).run_id

    closed = close_dead_runs(tracker, successor)

    assert set(closed) == {reused_number[0], no_such_number[0]}
    for run_id in (*reused_number, *no_such_number):
        run = tracker.client.get_run(run_id)
        assert run.info.status == "KILLED"
        assert run.data.tags["layerwise.continued_by"] == successor
    for run_id in (*still_alive, *elsewhere, successor):
        assert tracker.client.get_run(run_id).info.status == "RUNNING"


def test_a_stage_that_its_run_could_not_close_is_closed_too(uri):
    tracker = Tracker(uri, "left")
    ended = tracker.start("left", "run", None, {"process": this_process()})
    stage = tracker.start("data", "data", ended.run_id, {})
    tracker.finish(ended, "FAILED")
    foreign = tracker.client.create_run(
        tracker.experiment_id, tags={"mlflow.parentRunId": ended.run_id}
    )
    successor = tracker.start("left", "run", None, {"process": this_process()}).run_id

    assert close_dead_runs(tracker, successor) == []

    assert tracker.client.get_run(stage.run_id).info.status == "KILLED"
    assert tracker.client.get_run(foreign.info.run_id).info.status == "RUNNING"
