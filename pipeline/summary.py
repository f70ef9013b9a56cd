"""The summary of a run: what `--summary` writes and the tables show."""

from collections.abc import Sequence
from typing import Any, TypedDict

from pipeline.compare import Comparison, comparison_entry
from pipeline.config import RunConfig
from pipeline.stages import DataStage, Exported, Run, Stage, TrialSpec, metric_name

LAYER_METRICS = (
    "reconstruction_error",
    "explained_variance",
    "active_fraction",
    "mean_activation",
    "dead_fraction",
)


class Summary(TypedDict):
    """See the README for each field; all values are JSON's."""

    experiment: str
    run_id: str
    data: dict[str, Any]
    layers: list[dict[str, Any]]
    comparison: list[dict[str, Any]]
    export: dict[str, Any]
    seconds: dict[str, float]


def summarize(
    config: RunConfig,
    run: Run,
    data: DataStage,
    levels: Sequence[Stage],
    trials: Sequence[tuple[TrialSpec, Stage]],
    comparisons: Sequence[Comparison],
    exported: Exported,
) -> Summary:
    """Gather what the stages of a run gave."""
    return Summary(
        experiment=config.name,
        run_id=run.run_id,
        data={
            "name": data.name,
            "rows": data.rows,
            "features": data.features,
            "classes": list(data.classes),
            **{name: int(rows) for name, rows in data.metrics.items()},
        },
        layers=[
            {
                "units": level.units,
                "epochs": level.epochs,
                **{name: stage.metrics[name] for name in LAYER_METRICS},
                "seconds": stage.metrics["seconds"],
                "cached": stage.cached,
            }
            for level, stage in zip(config.stack, levels, strict=True)
        ],
        comparison=[comparison_entry(row, metric_name(config)) for row in comparisons],
        export={
            "path": exported.path,
            "model_uri": exported.model_uri,
            "endpoints": list(exported.endpoints),
        },
        seconds={
            **{
                f"pretrain level {number}": stage.metrics["seconds"]
                for number, stage in enumerate(levels, 1)
            },
            "fine-tune": sum(stage.metrics["seconds"] for _, stage in trials),
        },
    )
