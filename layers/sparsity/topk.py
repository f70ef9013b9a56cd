"""k-sparse codes: a hard limit on the active units of each row."""

import keras
from keras import ops

from layers.sparsity.kth_largest import kth_largest, kth_largest_by_sort


@keras.saving.register_keras_serializable(package="layerwise")
class TopK(keras.layers.Layer):
    """Keep the `k` largest activations of each row and zero the rest.

    Shapes: (rows, units) in and out. Activations that tie with the k-th largest are all kept.
    Raises `ValueError` unless 1 <= k <= units.
    Source: Makhzani & Frey, "k-Sparse Autoencoders" (2013), algorithm 1.
    """

    def __init__(self, k: int, **kwargs):
        super().__init__(**kwargs)
        if k < 1:
            raise ValueError(f"TopK needs k >= 1. Received: k={k}.")
        self.k = k

    def build(self, input_shape):
        if self.k > input_shape[-1]:
            raise ValueError(f"TopK needs k <= units = {input_shape[-1]}. Received: k={self.k}.")

    def call(self, activations, training=False):
        return ops.where(activations >= self.threshold(activations, training), activations, 0.0)

    def threshold(self, activations, training=False):
        """The k-th largest activation of each row: (rows, 1)."""
        # Halving is faster than a sort where XLA compiles it, as pretraining has it do.
        find = kth_largest if training else kth_largest_by_sort
        return find(activations, self.k)

    def get_config(self):
        return {**super().get_config(), "k": self.k}
