"""What a run came to: the frame that `--summary`, the tables and the report share."""

from typing import Any, TypedDict


class Summary(TypedDict):
    """What `--summary` writes; the README tells of its fields. All values are JSON's."""

    experiment: str
    run_id: str
    metric: str
    pretrain_seeds: int
    data: dict[str, Any]
    layers: list[dict[str, Any]]
    comparison: list[dict[str, Any]]
    label_saving: list[dict[str, Any]]
    shortened: str | None
    """What a time limit left no time for; None where all was done."""
    missing: list[dict[str, Any]]
    """Labels, arm and seeds of the trials that are missing for that."""
    export: dict[str, Any]
    """Empty while it is being made, or where there was no time for it."""
    cleaned: str | None
    """When `layerwise clean` removed weights or the model; None where all are there."""
    gate: dict[str, Any]
    """Whether the model became the champion and why; empty where no model was exported."""
    report: str | None
    """Where the report lies; None while it is being made."""
    seconds: dict[str, float]
