"""The summary of a run, read back from MLflow: what `--summary` writes and the tables show."""

import json
import tempfile
from pathlib import Path
from statistics import fmean
from typing import Any

from pipeline.evaluation.summary import Summary
from pipeline.tracking.artifacts import stored_json
from pipeline.tracking.runs import FinishedRun
from pipeline.tracking.tracker import Tracker

CONFIG = "config.json"
"""The artifact of the parent run: the resolved config."""
DESCRIPTION = "data.json"
"""The artifact of the data stage: its classes and notes, of any length."""
COLUMNS = "columns.json"
"""Another one: names and kinds of the columns, and how their values are spread."""
DATA_PAGE = "data_page.html"
"""Another one: what people read about the rows; its content is `PAGE_CONTENT`."""
PAGE_CONTENT = "data_page.json"
COMPARISON = "comparison.json"
"""The artifact of the compare stage: its `comparison` and `label_saving`."""
GATE = "gate.json"
"""The artifact of the gate stage: what was decided, and why."""
REPORT = "report.html"
"""The artifact of the report stage."""
LAYER_METRICS = (
    "reconstruction_error",
    "explained_variance",
    "active_fraction",
    "mean_activation",
    "dead_fraction",
    "seconds",
)


def read_summary(tracker: Tracker, run: FinishedRun) -> Summary:
    """Gather what the stages of a finished run logged."""
    stages: dict[str, list[FinishedRun]] = {}
    for child in tracker.children(run.run_id):
        stages.setdefault(child.tags["stage"], []).append(child)
    (data,), (compare,) = stages["data"], stages["compare"]
    found = stored_json(tracker, compare.made_by, COMPARISON)
    levels: dict[int, list[FinishedRun]] = {}
    # Stacks are pretrained beside each other: which level ended first is chance.
    for child in sorted(stages.get("pretrain", []), key=lambda level: int(level.tags["stack"])):
        levels.setdefault(int(child.tags["level"]), []).append(child)
    return Summary(
        experiment=tracker.experiment,
        run_id=run.run_id,
        metric=compare.params["metric"],
        pretrain_seeds=min(len(stacks) for stacks in levels.values()),
        data=_data(tracker, run, data),
        layers=[_layer(levels[number]) for number in sorted(levels)],
        comparison=found["comparison"],
        label_saving=found["label_saving"],
        shortened=run.tags.get("shortened"),
        missing=found["missing"],
        export=_export(stages["export"][0]) if "export" in stages else {},
        gate=_gate(tracker, stages["gate"][0]) if "gate" in stages else {},
        cleaned=run.cleaned,
        report=tracker.place(stages["report"][0].made_by, REPORT) if "report" in stages else None,
        seconds={
            **{f"pretrain {number}": _seconds(levels[number]) for number in sorted(levels)},
            **{
                stage: _seconds(children)
                for stage, children in stages.items()
                if stage != "pretrain"
            },
        },
    )


def read_report(tracker: Tracker, run: FinishedRun) -> str:
    """The report of a finished run, HTML."""
    (stage,) = [c for c in tracker.children(run.run_id) if c.tags["stage"] == "report"]
    with tempfile.TemporaryDirectory() as folder:
        return tracker.artifact(stage.made_by, REPORT, Path(folder)).read_text(encoding="utf-8")


def read_config(tracker: Tracker, run: FinishedRun) -> dict[str, Any]:
    """The config of a finished run."""
    return stored_json(tracker, run.run_id, CONFIG)


def read_columns(tracker: Tracker, run: FinishedRun) -> list[dict[str, Any]]:
    """What a finished run kept of its columns."""
    (data,) = [child for child in tracker.children(run.run_id) if child.tags["stage"] == "data"]
    columns: list[dict[str, Any]] = stored_json(tracker, data.made_by, COLUMNS)
    return columns


def _data(tracker: Tracker, run: FinishedRun, stage: FinishedRun) -> dict[str, Any]:
    description = stored_json(tracker, stage.made_by, DESCRIPTION)
    far = [run.tags["distance_note"]] if "distance_note" in run.tags else []
    planned = [
        note
        for tag in ("start_notes", "plan_notes")
        for note in json.loads(run.tags.get(tag, "[]"))
    ]
    notes = [*planned, *far, *description["notes"]]
    return {
        "name": stage.tags["data"],
        "key": stage.tags["key"],
        "task": stage.tags["task"],
        **{name: int(value) for name, value in stage.metrics.items() if name != "seconds"},
        "classes": description["classes"],
        "notes": notes,
    }


def _seconds(stages: list[FinishedRun]) -> float:
    return sum(stage.metrics["seconds"] for stage in stages)


def _layer(stacks: list[FinishedRun]) -> dict[str, Any]:
    """One level, as the mean over the stacks."""
    return {
        "units": int(stacks[0].params["units"]),
        "epochs": int(stacks[0].metrics["epochs"]),
        **{name: fmean(level.metrics[name] for level in stacks) for name in LAYER_METRICS},
        "cached": all(level.tags["cached"] == "True" for level in stacks),
        "made_by": [level.made_by for level in stacks],
    }


def _gate(tracker: Tracker, stage: FinishedRun) -> dict[str, Any]:
    found: dict[str, Any] = stored_json(tracker, stage.made_by, GATE)
    return {**found, "cached": stage.tags["cached"] == "True"}


def _export(stage: FinishedRun) -> dict[str, Any]:
    return {
        "path": stage.tags["path"],
        "model_uri": stage.tags["model_uri"],
        "endpoints": json.loads(stage.tags["endpoints"]),
    }
