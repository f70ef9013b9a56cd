"""What stages store, from any thread or process, and find again: a real MLflow on SQLite."""

import json
import logging
import multiprocessing
import pickle
import threading
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.tracking.runs import FinishedRun
from pipeline.tracking.tracker import Tracker
from tests.pipeline.tracking.stored_runs import (
    DID_THE_WORK,
    StoppedError,
    finished_run,
    stored,
)

# Threads and processes


def work(tracker: Tracker, parent: str, number: int) -> None:
    """What a worker does. To another process a tracker goes by its address and experiment."""
    with tracker.stage(f"worker {number}", "finetune", parent, {}) as stage:
        stage.metrics({"number": number})


def check_workers(tracker: Tracker, parent: str, workers: int) -> None:
    found = sorted(int(child.metrics["number"]) for child in tracker.children(parent))
    assert found == list(range(workers))


def test_the_parent_is_found_from_threads(tracker):
    parent = tracker.start("whole", "run", None, {}).run_id
    threads = [threading.Thread(target=work, args=(tracker, parent, n)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check_workers(tracker, parent, 4)


def test_the_parent_is_found_from_processes_that_share_no_memory(tracker):
    parent = tracker.start("whole", "run", None, {}).run_id
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=work, args=(tracker, parent, n)) for n in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    check_workers(tracker, parent, 2)


def test_a_tracker_that_is_unpickled_is_opened_once_in_a_process(tracker):
    first, again = (pickle.loads(pickle.dumps(tracker)) for _ in range(2))
    assert first is again
    assert (first.uri, first.experiment_id) == (tracker.uri, tracker.experiment_id)


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
