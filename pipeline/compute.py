"""How much arithmetic pretraining takes, so that random weights can be given as much."""

from itertools import pairwise

from pipeline.config import RunConfig


def matched_steps(config: RunConfig, pretrain_rows: int, features: int, outputs: int) -> int:
    """Fine-tuning steps that multiply as often as pretraining the stack does.

    A step multiplies each row by a weight three times: forward, for the gradient of the rows and
    for that of the weights. A level in pretraining has an encoder and a decoder of the same size.
    """
    widths = [features, *(level.units for level in config.stack)]
    weights = [below * units for below, units in pairwise(widths)]
    pretraining = sum(
        level.epochs * pretrain_rows * 2 * size
        for level, size in zip(config.stack, weights, strict=True)
    )
    step = config.finetune.batch_size * (sum(weights) + widths[-1] * outputs)
    return round(pretraining / step)
