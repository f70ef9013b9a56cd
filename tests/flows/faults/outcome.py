"""What a run came to, in a form that two runs can be compared in to the last bit."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from mlflow import MlflowClient
from mlflow.entities import Run
from sklearn.datasets import load_digits

EXPERIMENT = "digits"
EPOCHS = 120
"""Of each level."""
LEVEL = (
    "{{units: {}, sparsity: {{mechanism: topk, k: {}}}, corruption: {{kind: masking, share: 0.3}}, "
    f"epochs: {EPOCHS}, batch_size: 64}}}}"
)
CHANGES = (
    f"stack=[{LEVEL.format(96, 24)}, {LEVEL.format(48, 16)}]",
    "pretrain_seeds=1",
    "finetune.seeds=2",
    "finetune.min_steps=100",
    "finetune.encoder_rates=[0.3, 1.0]",
    "finetune.label_budgets=[50]",
)
ARGUMENTS = ["run", "digits", *(part for change in CHANGES for part in ("--set", change))]
"""Of a run that is long enough to be hit in each of its stages."""


DIFFERS = ("seconds", "cached", "made_by")
"""What a level's summary says of one run alone."""


class Outcome(NamedTuple):
    """All that a run found, without what differs between any two: times, ids, places."""

    comparison: Any
    label_saving: Any
    levels: list[dict[str, Any]]
    curves: dict[str, dict[str, list[float]]]
    """The history of each level's metrics, by the stage's name."""
    answers: dict[str, bytes]
    """What the exported model says of some rows, by endpoint and output."""
    variables: dict[str, bytes]
    """The exported weights by name."""


def outcome(folder: Path) -> Outcome:
    """Of the run whose summary is in the folder."""
    summary = json.loads((folder / "summary.json").read_text())
    levels = [
        {
            name: value
            for name, value in level.items()
            if name not in ("seconds", "cached", "made_by")
        }
        for level in summary["layers"]
    ]
    model = Path(summary["export"]["path"])
    return Outcome(
        summary["comparison"],
        summary["label_saving"],
        levels,
        _curves(client(folder), summary["run_id"]),
        _answers(model),
        _variables(model),
    )


def client(folder: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")


def runs(store: MlflowClient, which: str = "") -> list[Run]:
    """The MLflow runs of the experiment, the first begun first."""
    experiment = store.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return []
    return list(
        store.search_runs([experiment.experiment_id], which, order_by=["attributes.start_time ASC"])
    )


def _curves(store: MlflowClient, parent: str) -> dict[str, dict[str, list[float]]]:
    found = {}
    for run in runs(store, f"tags.`mlflow.parentRunId` = '{parent}'"):
        if run.data.tags["layerwise.stage"] != "pretrain":
            continue
        made_by = run.data.tags.get("layerwise.cached_from", run.info.run_id)
        histories = {
            name: sorted(store.get_metric_history(made_by, name), key=lambda metric: metric.step)
            for name in ("loss", "explained_variance", "active_fraction", "dead_fraction")
        }
        found[run.info.run_name] = {
            name: [metric.value for metric in history] for name, history in histories.items()
        }
    return found


def _answers(model: Path) -> dict[str, bytes]:
    rows = tf.constant(load_digits().data[:200], tf.float64)
    signatures = tf.saved_model.load(str(model)).signatures
    return {
        f"{endpoint}/{output}": np.asarray(value).tobytes()
        for endpoint in ("serve", "encode", "reconstruct", "score")
        for output, value in signatures[endpoint](rows=rows).items()
    }


def _variables(model: Path) -> dict[str, bytes]:
    # Keras's archive numbers them in no fixed order, so their values are compared as a set.
    stored = tf.train.load_checkpoint(str(model / "variables" / "variables"))
    values = [
        stored.get_tensor(name)
        for name in stored.get_variable_to_shape_map()
        if name.endswith("VARIABLE_VALUE")
    ]
    ordered = sorted(value.tobytes() for value in values)
    return {str(number): value for number, value in enumerate(ordered)}
