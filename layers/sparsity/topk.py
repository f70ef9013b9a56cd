"""k-sparse codes: a hard limit on the active units of each row."""

import keras
from keras import ops

from layers.sparsity.mechanism import SparsityMechanism


@keras.saving.register_keras_serializable(package="layerwise")
class TopK(SparsityMechanism):
    """Keep the `k` largest activations of each row and zero the rest.

    Shapes: (rows, units) in and out. Of activations that tie with the k-th largest the first units'
    are kept. Raises `ValueError` unless 1 <= k <= units.
    Source: Makhzani & Frey, "k-Sparse Autoencoders" (2013), algorithm 1.
    """

    hard_limit = True

    def __init__(self, k: int, **kwargs):
        super().__init__(**kwargs)
        if k < 1:
            raise ValueError(f"TopK needs k >= 1. Received: k={k}.")
        self.k = k

    def build(self, input_shape):
        if self.k > input_shape[-1]:
            raise ValueError(f"TopK needs k <= units = {input_shape[-1]}. Received: k={self.k}.")

    def fixed(self, activations, search):
        kept, _ = search(activations, self.k)
        return ops.where(kept, activations, 0.0)

    def get_config(self):
        return {**super().get_config(), "k": self.k}
