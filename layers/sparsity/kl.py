"""The Kullback-Leibler sparsity regularizer."""

import keras
from keras import ops

from layers.sparsity.mechanism import SparsityMechanism


@keras.saving.register_keras_serializable(package="layerwise")
class KLDivergence(SparsityMechanism):
    """Add `weight * sum over units KL(proportion || mean activation of the unit over the rows)`.

    KL(r || m) = r log(r / m) + (1 - r) log((1 - r) / (1 - m)). Activations must lie in [0, 1]
    (a sigmoid encoder); the code stays as it is. Shapes: (rows, units) in and out.
    Raises `ValueError` unless 0 < proportion < 1 and weight >= 0.
    Source: Ng, CS294A lecture notes "Sparse autoencoder" (2011), section 3.
    """

    def __init__(self, proportion: float, weight: float, **kwargs):
        super().__init__(**kwargs)
        if not 0 < proportion < 1:
            raise ValueError(
                f"KLDivergence needs 0 < proportion < 1. Received: proportion={proportion}."
            )
        if weight < 0:
            raise ValueError(f"KLDivergence needs weight >= 0. Received: weight={weight}.")
        self.proportion = proportion
        self.weight = weight

    def penalty(self, activations):
        smallest = keras.config.epsilon()
        mean = ops.clip(ops.mean(activations, axis=0), smallest, 1 - smallest)
        rho = self.proportion
        divergence = rho * ops.log(rho / mean) + (1 - rho) * ops.log((1 - rho) / (1 - mean))
        return self.weight * ops.sum(divergence)

    def get_config(self):
        return {**super().get_config(), "proportion": self.proportion, "weight": self.weight}
