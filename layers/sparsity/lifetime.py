"""Lifetime sparsity: a hard limit on how many rows of a batch each unit is active for."""

import math

import keras
import numpy as np
from keras import ops

from layers.sparsity.mechanism import SparsityMechanism
from layers.sparsity.running_threshold import RunningThreshold


@keras.saving.register_keras_serializable(package="layerwise")
class LifetimeSparsity(SparsityMechanism):
    """Keep, for each unit, its largest activations over the batch: a `proportion` of the rows.

    At least one row is kept for each unit, so none can die. Outside training an activation is kept
    when it reaches the unit's fixed threshold, the running mean of the smallest activation that
    training batches kept. Shapes: (rows, units) in and out.
    Raises `ValueError` unless 0 < proportion <= 1.
    Source: Makhzani & Frey, "Winner-Take-All Autoencoders" (2015), section 2. They switch the limit
    off after training; the threshold keeps codes as sparse as in training.
    """

    hard_limit = True

    def __init__(self, proportion: float, **kwargs):
        super().__init__(**kwargs)
        if not 0 < proportion <= 1:
            raise ValueError(
                f"LifetimeSparsity needs 0 < proportion <= 1. Received: proportion={proportion}."
            )
        self.proportion = proportion
        self.threshold = RunningThreshold(name="threshold")

    def build(self, input_shape):
        self.threshold.build((input_shape[-1],))

    def fixed(self, activations, search):
        return ops.where(activations >= self.threshold.value, activations, 0.0)

    def limit(self, activations, search):
        rows = _rows_kept(ops.shape(activations)[0], self.proportion)
        kept, smallest_kept = search(activations, rows, axis=0)
        self.threshold.update(smallest_kept[0])
        return ops.where(kept, activations, 0.0)

    def restart(self, units: np.ndarray) -> None:
        """Begin the mean threshold of these units at zero again."""
        threshold = np.array(ops.convert_to_numpy(self.threshold.value))
        threshold[units] = 0.0
        self.threshold.value.assign(threshold)

    def get_config(self):
        return {**super().get_config(), "proportion": self.proportion}


def _rows_kept(rows, proportion):
    """The share of the rows, rounded up; `rows` is a tensor where the batch size is not static."""
    proportion *= 1 - 1e-6  # 100 * 0.07 is 7.000000000000001: seven rows, not eight
    if isinstance(rows, int):
        return max(1, math.ceil(rows * proportion))
    return ops.maximum(1, ops.cast(ops.ceil(ops.cast(rows, "float32") * proportion), "int32"))
