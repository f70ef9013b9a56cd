"""What stages keep in MLflow and read back: predictions, figures as JSON."""

import json
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipeline.tasks.metric import Predicted
from pipeline.tracking.runs import StageRun
from pipeline.tracking.tracker import Tracker

PREDICTIONS = "predictions.npz"


def store_predictions(stage: StageRun, predicted: Predicted, targets: np.ndarray) -> None:
    """Store what was predicted for the test rows, how surely, and what is true."""
    sure = predicted.confidence
    given: dict[str, Any] = {} if sure is None else {"confidence": sure.astype("float32")}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, PREDICTIONS)
        np.savez_compressed(file, predicted=predicted.values, true=targets, **given)
        stage.artifact(file)


class Stored(NamedTuple):
    """What a trial predicted for the test rows."""

    predicted: np.ndarray
    true: np.ndarray
    confidence: np.ndarray | None
    """The probability of what was predicted; of numbers None."""


def predictions_of(tracker: Tracker, run_id: str) -> Stored:
    """What a finished trial predicted for the test rows, and what is true."""
    with tempfile.TemporaryDirectory() as folder:
        file = tracker.artifact(run_id, PREDICTIONS, Path(folder))
        with np.load(file, allow_pickle=False) as stored:
            return Stored(stored["predicted"], stored["true"], stored.get("confidence"))


def correct_predictions(tracker: Tracker, run_id: str) -> np.ndarray:
    """The mask of correct predictions of a finished trial, bool (test rows,)."""
    found = predictions_of(tracker, run_id)
    return found.predicted == found.true


def store_json(stage: StageRun, name: str, value: Any) -> None:
    """Store a value as JSON."""
    store_text(stage, name, json.dumps(value, indent=1))


def store_text(stage: StageRun, name: str, text: str) -> None:
    """Store a text, such as a page."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, name)
        file.write_text(text, encoding="utf-8")
        stage.artifact(file)


def stored_json(tracker: Tracker, run_id: str, name: str) -> Any:
    """What a run stored as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        return json.loads(tracker.artifact(run_id, name, Path(folder)).read_text(encoding="utf-8"))
