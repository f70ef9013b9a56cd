"""JumpReLU codes: a learned threshold for each unit and a penalty on the active units."""

import math

import keras
import numpy as np
from keras import ops

from layers.sparsity.mechanism import SparsityMechanism


@keras.saving.register_keras_serializable(package="layerwise")
class JumpReLU(SparsityMechanism):
    """code = a * H(a - threshold); adds `weight * mean over rows of the number of active units`.

    H is the step function; its derivative with respect to the threshold is estimated with a
    rectangle kernel of width `bandwidth` around the threshold (a straight-through estimator), its
    derivative with respect to the activation is zero. Thresholds are learned as logarithms, so
    that they stay positive. Shapes: (rows, units) in and out.
    Raises `ValueError` unless weight >= 0, bandwidth > 0 and initial_threshold > 0.
    Source: Rajamanoharan et al., "Jumping Ahead: Improving Reconstruction Fidelity with JumpReLU
    Sparse Autoencoders" (2024), equations 3, 9, 11 and 12.
    """

    hard_limit = True

    def __init__(
        self, weight: float, bandwidth: float = 0.1, initial_threshold: float = 0.1, **kwargs
    ):
        super().__init__(**kwargs)
        if weight < 0:
            raise ValueError(f"JumpReLU needs weight >= 0. Received: weight={weight}.")
        if bandwidth <= 0:
            raise ValueError(f"JumpReLU needs bandwidth > 0. Received: bandwidth={bandwidth}.")
        if initial_threshold <= 0:
            raise ValueError(
                f"JumpReLU needs initial_threshold > 0. Received: {initial_threshold}."
            )
        self.weight = weight
        self.bandwidth = bandwidth
        self.initial_threshold = initial_threshold

    def build(self, input_shape):
        self.log_threshold = self.add_weight(
            name="log_threshold",
            shape=(input_shape[-1],),
            initializer=keras.initializers.Constant(math.log(self.initial_threshold)),
        )

    def penalty(self, activations):
        active, kernel, _, move = self._around_threshold(activations)
        active_units = ops.sum(active + move * ops.stop_gradient(kernel), axis=-1)
        return self.weight * ops.mean(active_units)

    def fixed(self, activations, search):
        active, kernel, threshold, move = self._around_threshold(activations)
        return activations * active + move * ops.stop_gradient(threshold * kernel)

    def _around_threshold(self, activations):
        """Step function and kernel at the activations; the threshold and what moves it."""
        threshold = ops.exp(self.log_threshold)
        active = ops.cast(activations > threshold, activations.dtype)
        distance = ops.abs(activations - threshold) / self.bandwidth
        kernel = ops.cast(distance < 0.5, activations.dtype) / self.bandwidth
        # Zero in the forward pass; in the backward pass d(move)/d(threshold) = -1.
        move = ops.stop_gradient(threshold) - threshold
        return active, kernel, threshold, move

    def restart(self, units: np.ndarray) -> None:
        """Give these units the initial threshold again."""
        log_threshold = np.array(ops.convert_to_numpy(self.log_threshold))
        log_threshold[units] = math.log(self.initial_threshold)
        self.log_threshold.assign(log_threshold)

    def get_config(self):
        return {
            **super().get_config(),
            "weight": self.weight,
            "bandwidth": self.bandwidth,
            "initial_threshold": self.initial_threshold,
        }
