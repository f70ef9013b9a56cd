"""How long a level pretrains, and how much arithmetic that is."""

from collections.abc import Sequence
from itertools import pairwise

from pipeline.config.level import LevelTraining


def pretraining_epochs(level: LevelTraining, rows: int) -> int:
    """Passes over this number of rows: as configured, and more where those are too few steps."""
    steps = rows // min(level.batch_size, rows)
    return max(level.epochs, -(-level.min_steps // steps))


def matched_steps(
    stack: Sequence[LevelTraining], batch_size: int, pretrain_rows: int, features: int, outputs: int
) -> int:
    """Fine-tuning steps that multiply as often as pretraining the stack does.

    A step multiplies each row by a weight three times: forward, for the gradient of the rows and
    for that of the weights. A level in pretraining has an encoder and a decoder of the same size.
    """
    widths = [features, *(level.units for level in stack)]
    weights = [below * units for below, units in pairwise(widths)]
    pretraining = sum(
        pretraining_epochs(level, pretrain_rows) * pretrain_rows * 2 * size
        for level, size in zip(stack, weights, strict=True)
    )
    step = batch_size * (sum(weights) + widths[-1] * outputs)
    return round(pretraining / step)
