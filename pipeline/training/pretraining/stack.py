"""A stack pretrained greedily, level by level, on rows in memory."""

from collections.abc import Callable, Sequence

import numpy as np

from pipeline.config.level import LevelConfig
from pipeline.data.features.preprocessing import Preprocessing
from pipeline.seeds import level_seed
from pipeline.training.pretraining.pretrain import Pretrained, pretrain
from pipeline.training.progress import Watch
from pipeline.training.stack import encode


def pretrain_stack(
    levels: Sequence[LevelConfig],
    rows: np.ndarray,
    validation: np.ndarray,
    preprocessing: Preprocessing,
    seed: int,
    stack: int,
    watch_of: Callable[[int], Watch],
) -> list[Pretrained]:
    """Each level of the stack number `stack` (from 0), trained on the codes of those below.

    `rows` and `validation` are scaled, float32 (rows, features), as `preprocessing` gives them;
    `watch_of` gives what watches a level (from 1). Raises `DivergedError`.
    """
    done: list[Pretrained] = []
    for number, level in enumerate(levels, 1):
        of_rows = number == 1
        result = pretrain(
            level.training(),
            rows,
            validation,
            level_seed(seed, stack, number),
            watch_of(number),
            columns=preprocessing.column_of_features if of_rows else (),
            categories=preprocessing.features_of_categories if of_rows else (),
        )
        done.append(result)
        if number < len(levels):
            rows, validation = (
                encode(result.autoencoder, part, level.passes_on) for part in (rows, validation)
            )
    return done
