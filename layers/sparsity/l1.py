"""The L1 sparsity penalty."""

import keras
from keras import ops

from layers.sparsity.mechanism import SparsityMechanism


@keras.saving.register_keras_serializable(package="layerwise")
class L1Penalty(SparsityMechanism):
    """Add `weight * mean over rows of sum over units |code|` to the loss; the code stays as it is.

    Shapes: (rows, units) in and out. The mean over rows makes the penalty the same at every batch
    size. Raises `ValueError` for a negative weight.
    Source: Olshausen & Field 1996; Tibshirani 1996 for the norm.
    """

    def __init__(self, weight: float, **kwargs):
        super().__init__(**kwargs)
        if weight < 0:
            raise ValueError(f"L1Penalty needs weight >= 0. Received: weight={weight}.")
        self.weight = weight

    def penalty(self, activations):
        return self.weight * ops.mean(ops.sum(ops.abs(activations), axis=-1))

    def get_config(self):
        return {**super().get_config(), "weight": self.weight}
