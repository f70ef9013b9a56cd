"""Quantities of different sizes made comparable by what they are on normal rows."""

import keras
import numpy as np
from keras import ops

LEAST = 1e-2
"""Of the median: smaller values differ by no more than chance, and their logarithms by much."""


@keras.saving.register_keras_serializable(package="layerwise")
class Unusual(keras.layers.Layer):
    """(log(value + least) - mean) / standard deviation, the three as they are on normal rows.

    Shapes: (rows, quantities) of 0 or more to the same.
    """

    def build(self, input_shape):
        shape = (input_shape[-1],)
        self.least = self.add_weight(name="least", shape=shape, trainable=False)
        self.mean = self.add_weight(name="mean", shape=shape, trainable=False)
        self.deviation = self.add_weight(
            name="deviation", shape=shape, initializer="ones", trainable=False
        )

    def fit(self, values: np.ndarray) -> None:
        """Take the quantities (rows, quantities) of normal rows for usual."""
        least = LEAST * np.maximum(np.median(values, axis=0), 1e-6)
        logs = np.log(values + least)
        self.least.assign(least)
        self.mean.assign(logs.mean(axis=0))
        self.deviation.assign(np.maximum(logs.std(axis=0), 1e-3))

    def call(self, values):
        return (ops.log(values + self.least) - self.mean) / self.deviation
