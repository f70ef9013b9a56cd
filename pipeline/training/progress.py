"""What a stage tells of itself while it trains."""

from collections.abc import Callable
from typing import NamedTuple


class Progress(NamedTuple):
    """What a watcher learns while a stage trains."""

    done: int
    """Training steps done."""
    total: int
    """Training steps in all."""
    rows: int
    """Rows seen by the steps done."""
    loss: float
    """Mean training loss of the steps since the last report."""
    epoch: int
    """Epoch (pretraining) or checkpoint (fine-tuning) that the steps belong to, from 1."""
    epochs: int
    """Epochs or checkpoints in all."""
    metrics: dict[str, float] | None
    """At the end of an epoch or checkpoint what was measured then, else None."""
    restored: int = 0
    """Of the steps done those that a checkpoint had: they took no time."""
    attempt: str = ""
    """Of several trainings that start anew the one that this is, as in `rate_0.3`."""


Watch = Callable[[Progress], None]
