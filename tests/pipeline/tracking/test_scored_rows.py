"""What an exported model predicts for its test rows, stored and read back."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.evaluation.common_rows import ScoredRows
from pipeline.tasks.metric import Predicted
from pipeline.tracking.scored_rows import ScoredModel, store_scored_rows, stored_scored_rows
from tests.pipeline.tracking.stored_runs import finished_run, stored


def stored_and_read(tracker, scored: ScoredModel) -> ScoredModel:
    with tracker.stage("export", "export", None, {}) as run:
        store_scored_rows(run, scored)
    return stored_scored_rows(tracker, run.run_id)


def test_what_is_read_back_is_what_was_stored(tracker):
    probabilities = np.array([[0.1, 0.9], [0.7, 0.3]])
    predicted = Predicted(np.array([1, 0]), probabilities, np.array([1.0, 2.5]))
    contents = np.array([2**64 - 1, 3], "uint64")
    scored = ScoredModel(
        "classification",
        ("no", "größer"),
        ("size", "Maß"),
        ScoredRows(contents, np.array([1, 1]), predicted),
    )
    found = stored_and_read(tracker, scored)
    assert found[:3] == scored[:3]
    for one, other in zip(found.rows[:2], scored.rows[:2], strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(found.rows.predicted, predicted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_number_has_neither_classes_nor_probabilities(tracker):
    rows = ScoredRows(np.arange(2, dtype="uint64"), np.ones(2), Predicted(np.zeros(2)))
    found = stored_and_read(tracker, ScoredModel("regression", (), ("price",), rows))
    assert found.classes == ()
    assert found.rows.predicted.probabilities is None and found.rows.predicted.weights is None


@pytest.mark.parametrize("run_id", ["", "0" * 32])
def test_a_run_that_is_not_there_is_told(run_id, tracker):
    with pytest.raises(InputError, match="there is no run"):
        stored_scored_rows(tracker, run_id)


def test_an_export_of_before_there_were_gates_is_told(tracker):
    with pytest.raises(InputError, match="has no artifact 'scored_rows.npz'"):
        stored_scored_rows(tracker, finished_run(tracker))


def test_an_export_of_before_targets_were_stored_is_told(tracker, tmp_path: Path):
    file = tmp_path / "scored_rows.npz"
    np.savez(file, about=np.array(json.dumps(["regression", []])))
    with tracker.stage("export", "export", None, {}) as run:
        run.artifact(file)
    with pytest.raises(InputError, match="an earlier version of Layerwise exported it"):
        stored_scored_rows(tracker, run.run_id)


def test_what_was_changed_afterwards_is_not_believed(tracker):
    rows = ScoredRows(np.arange(2, dtype="uint64"), np.ones(2), Predicted(np.zeros(2)))
    with tracker.stage("export", "export", None, {}) as run:
        store_scored_rows(run, ScoredModel("regression", (), ("price",), rows))
    with stored(tracker, run.run_id, "scored_rows.npz").open("ab") as file:
        file.write(b"more")
    with pytest.raises(InputError, match="is not what the run stored"):
        stored_scored_rows(tracker, run.run_id)
