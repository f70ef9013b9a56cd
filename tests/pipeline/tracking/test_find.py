"""Experiments and runs are found by their names."""

import pytest

from pipeline.errors import InputError
from pipeline.tracking.find import find_run, open_experiment
from pipeline.tracking.tracker import Tracker
from tests.pipeline.tracking.stored_runs import finished_run


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
