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
    export: dict[str, Any]
    """Empty while it is being made."""
    cleaned: str | None
    """When `layerwise clean` removed weights or the model; None where all are there."""
    report: str | None
    """Where the report lies; None while it is being made."""
    seconds: dict[str, float]
