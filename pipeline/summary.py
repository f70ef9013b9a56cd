"""The summary of a run, read back from MLflow: what `--summary` writes and the tables show."""

import json
from typing import Any, TypedDict

from pipeline.compare import Score, compare, comparison_entry
from pipeline.tracker import FinishedRun, Tracker

LAYER_METRICS = (
    "reconstruction_error",
    "explained_variance",
    "active_fraction",
    "mean_activation",
    "dead_fraction",
    "seconds",
)


class Summary(TypedDict):
    """See the README for each field; all values are JSON's."""

    experiment: str
    run_id: str
    metric: str
    data: dict[str, Any]
    layers: list[dict[str, Any]]
    comparison: list[dict[str, Any]]
    export: dict[str, Any]
    seconds: dict[str, float]


def read_summary(tracker: Tracker, run: FinishedRun) -> Summary:
    """Gather what the stages of a finished run logged."""
    stages: dict[str, list[FinishedRun]] = {}
    for child in tracker.children(run.run_id):
        stages.setdefault(child.tags["stage"], []).append(child)
    trials = stages.get("finetune", [])
    metric = "r2" if run.params.get("data.task") == "regression" else "accuracy"
    scores = [
        Score(t.tags["arm"], int(t.tags["labels"]), int(t.tags["seed"]), t.metrics[metric])
        for t in trials
    ]
    levels = sorted(stages.get("pretrain", []), key=lambda level: int(level.tags["level"]))
    return Summary(
        experiment=tracker.experiment,
        run_id=run.run_id,
        metric=metric,
        data=_data(stages["data"][0]),
        layers=[_layer(level) for level in levels],
        comparison=[comparison_entry(row, metric) for row in compare(scores)],
        export=_export(stages["export"][0]),
        seconds={
            **{f"pretrain {n}": level.metrics["seconds"] for n, level in enumerate(levels, 1)},
            **{
                stage: sum(child.metrics["seconds"] for child in children)
                for stage, children in stages.items()
                if stage != "pretrain"
            },
        },
    )


def _data(stage: FinishedRun) -> dict[str, Any]:
    return {
        "name": stage.tags["data"],
        "classes": json.loads(stage.tags["classes"]),
        **{name: int(value) for name, value in stage.metrics.items() if name != "seconds"},
    }


def _layer(level: FinishedRun) -> dict[str, Any]:
    return {
        "units": int(level.params["units"]),
        "epochs": int(level.params["epochs"]),
        **{name: level.metrics[name] for name in LAYER_METRICS},
        "cached": level.tags["cached"] == "True",
    }


def _export(stage: FinishedRun) -> dict[str, Any]:
    return {
        "path": stage.tags["path"],
        "model_uri": stage.tags["model_uri"],
        "endpoints": json.loads(stage.tags["endpoints"]),
    }
