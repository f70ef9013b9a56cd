"""Batch top-k codes: a hard limit on the active units of a whole batch."""

import keras
from keras import ops

from layers.sparsity.mechanism import SparsityMechanism
from layers.sparsity.running_threshold import RunningThreshold


@keras.saving.register_keras_serializable(package="layerwise")
class BatchTopK(SparsityMechanism):
    """Keep the `k * rows` largest activations of the batch, so `k` per row on average.

    Outside training an activation is kept when it reaches a fixed threshold, the running mean of
    the smallest activation that training batches kept: then a row's code does not depend on the
    rows beside it. Shapes: (rows, units) in and out. Raises `ValueError` unless 1 <= k <= units.
    Source: Bussmann, Leask & Nanda, "BatchTopK Sparse Autoencoders" (2024), sections 3 and 3.1.
    """

    hard_limit = True

    def __init__(self, k: int, **kwargs):
        super().__init__(**kwargs)
        if k < 1:
            raise ValueError(f"BatchTopK needs k >= 1. Received: k={k}.")
        self.k = k
        self.threshold = RunningThreshold(name="threshold")

    def build(self, input_shape):
        if self.k > input_shape[-1]:
            raise ValueError(
                f"BatchTopK needs k <= units = {input_shape[-1]}. Received: k={self.k}."
            )
        self.threshold.build((1,))

    def fixed(self, activations, search):
        return ops.where(activations >= self.threshold.value, activations, 0.0)

    def limit(self, activations, search):
        rows = ops.shape(activations)[0]
        kept, smallest_kept = search(ops.reshape(activations, (-1,)), self.k * rows)
        self.threshold.update(smallest_kept)
        return ops.where(ops.reshape(kept, ops.shape(activations)), activations, 0.0)

    def get_config(self):
        return {**super().get_config(), "k": self.k}
