"""The running mean that turns a batch-dependent limit into a fixed threshold."""

import keras
from keras import ops

SLOWEST_RATE = 0.01


@keras.saving.register_keras_serializable(package="layerwise")
class RunningThreshold(keras.layers.Layer):
    """A running mean of thresholds seen in training batches.

    The n-th update moves the mean by max(1 / n, 0.01) of the distance: a plain mean of the first
    hundred, then an exponential one that forgets what the early, untrained encoder gave.
    """

    def build(self, shape):
        self.value = self.add_weight(
            name="value", shape=shape, initializer="zeros", trainable=False
        )
        self.updates = self.add_weight(
            name="updates", shape=(), initializer="zeros", trainable=False
        )

    def update(self, seen):
        """Take in the threshold of one batch, of the shape that the layer was built with."""
        self.updates.assign_add(1.0)
        rate = ops.maximum(1.0 / self.updates, SLOWEST_RATE)
        self.value.assign_add(rate * (ops.stop_gradient(seen) - self.value))
