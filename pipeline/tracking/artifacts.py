"""What stages keep in MLflow and read back: predictions, figures as JSON."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.tracking.runs import StageRun
from pipeline.tracking.tracker import Tracker

PREDICTIONS = "predictions.npz"


def store_predictions(stage: StageRun, predictions: np.ndarray, targets: np.ndarray) -> None:
    """Store what was predicted for the test rows beside what is true."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, PREDICTIONS)
        np.savez_compressed(file, predicted=predictions, true=targets)
        stage.artifact(file)


def predictions_of(tracker: Tracker, run_id: str) -> tuple[np.ndarray, np.ndarray]:
    """What a finished trial predicted for the test rows, and what is true."""
    with tempfile.TemporaryDirectory() as folder:
        file = tracker.artifact(run_id, PREDICTIONS, Path(folder))
        with np.load(file, allow_pickle=False) as stored:
            return stored["predicted"], stored["true"]


def correct_predictions(tracker: Tracker, run_id: str) -> np.ndarray:
    """The mask of correct predictions of a finished trial, bool (test rows,)."""
    predicted, true = predictions_of(tracker, run_id)
    return predicted == true


def store_json(stage: StageRun, name: str, value: Any) -> None:
    """Store a value as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, name)
        file.write_text(json.dumps(value, indent=1), encoding="utf-8")
        stage.artifact(file)


def stored_json(tracker: Tracker, run_id: str, name: str) -> Any:
    """What a run stored as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        return json.loads(tracker.artifact(run_id, name, Path(folder)).read_text(encoding="utf-8"))
