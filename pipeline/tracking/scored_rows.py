"""What an exported model predicts for its test rows, kept with it to compare later models with."""

import json
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mlflow.exceptions import MlflowException

from pipeline.errors import InputError
from pipeline.evaluation.common_rows import ScoredRows
from pipeline.tasks.metric import Predicted
from pipeline.tracking.runs import StageRun
from pipeline.tracking.tracker import Tracker

SCORED_ROWS = "scored_rows.npz"


class ScoredModel(NamedTuple):
    """A model on its test rows."""

    task: str
    classes: tuple[str, ...]
    """Names of the classes or labels in the order of their numbers; of a number none."""
    target: tuple[str, ...]
    """The columns of a table that it predicts; of arrays, whose target has no name, none."""
    rows: ScoredRows


def store_scored_rows(stage: StageRun, tested: ScoredModel) -> None:
    """Store what a model predicts for its test rows."""
    rows, predicted = tested.rows, tested.rows.predicted
    arrays: dict[str, Any] = {
        "contents": rows.contents,
        "true": rows.true,
        "values": predicted.values,
        "probabilities": predicted.probabilities,
        "weights": predicted.weights,
        "about": np.array(json.dumps([tested.task, tested.classes, tested.target])),
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, SCORED_ROWS)
        np.savez_compressed(file, **{n: a for n, a in arrays.items() if a is not None})
        stage.artifact(file)


def stored_scored_rows(tracker: Tracker, run_id: str) -> ScoredModel:
    """What a model predicts for its test rows, by its export's run.

    Raises `InputError` where there is no such run, or it has stored none, or not all of this.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            file = tracker.artifact(run_id, SCORED_ROWS, Path(folder))
        except MlflowException as error:
            raise InputError(f"there is no run {run_id!r} that exported it") from error
        with np.load(file, allow_pickle=False) as stored:
            about = json.loads(str(stored["about"]))
            if len(about) < 3:
                raise InputError("an earlier version of Layerwise exported it")
            task, classes, target = about
            predicted = Predicted(
                stored["values"], stored.get("probabilities"), stored.get("weights")
            )
            rows = ScoredRows(stored["contents"], stored["true"], predicted)
    return ScoredModel(task, tuple(classes), tuple(target), rows)
