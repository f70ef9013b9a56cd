"""Keras models that stages keep in MLflow and read back."""

import tempfile
from pathlib import Path
from typing import Any

import keras

from pipeline.errors import InputError
from pipeline.tracking.runs import StageRun
from pipeline.tracking.tracker import Tracker

AUTOENCODER = "autoencoder.keras"
NETWORK = "network.keras"


def store_model(stage: StageRun, model: keras.Model, name: str) -> None:
    """Store a Keras model."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, name)
        model.save(file)
        stage.artifact(file)


def stored_model(tracker: Tracker, run_id: str, name: str) -> Any:
    """A Keras model that a run stored. Raises `InputError` for one that holds code."""
    with tempfile.TemporaryDirectory() as folder:
        file = tracker.artifact(run_id, name, Path(folder))
        try:
            return keras.saving.load_model(file, compile=False, safe_mode=True)
        except (ValueError, TypeError) as error:
            raise InputError(
                f"Artifact {name!r} of run {run_id} is no model of Layerwise's: {error}"
            ) from error
