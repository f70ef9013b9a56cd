"""Batch top-k codes: a hard limit on the active units of a whole batch."""

import keras
from keras import ops

from layers.sparsity.kth_largest import kth_largest
from layers.sparsity.running_threshold import RunningThreshold


@keras.saving.register_keras_serializable(package="layerwise")
class BatchTopK(keras.layers.Layer):
    """Keep the `k * rows` largest activations of the batch, so `k` per row on average.

    Outside training an activation is kept when it reaches a fixed threshold, the running mean of
    the smallest activation that training batches kept: then a row's code does not depend on the
    rows beside it. Shapes: (rows, units) in and out. Raises `ValueError` unless 1 <= k <= units.
    Source: Bussmann, Leask & Nanda, "BatchTopK Sparse Autoencoders" (2024), sections 3 and 3.1.
    """

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

    def call(self, activations, training=False):
        if not training:
            return ops.where(activations >= self.threshold.value, activations, 0.0)
        rows = ops.shape(activations)[0]
        flat = ops.reshape(activations, (-1,))
        smallest_kept = kth_largest(flat, self.k * rows)
        self.threshold.update(smallest_kept)
        return ops.where(activations >= smallest_kept, activations, 0.0)

    def get_config(self):
        return {**super().get_config(), "k": self.k}
