"""How likely a normal row is to have so great a score."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="layerwise")
class PValue(keras.layers.Layer):
    """The share of normal rows whose score is as great or greater, the row itself among them.

    Shapes: scores (rows,) to (rows,). To call rows of a p-value up to a rate anomalies raises false
    alarms at that rate at most, on average over the `held_out` normal rows, which trained nothing.
    Source: conformal p-values, Bates et al., "Testing for Outliers with Conformal p-values" (2023),
    equation 2.
    """

    def __init__(self, held_out: int, **kwargs):
        super().__init__(**kwargs)
        self.held_out = held_out

    def build(self, input_shape):
        self.scores = self.add_weight(name="scores", shape=(self.held_out,), trainable=False)

    def fit(self, scores: np.ndarray) -> None:
        """Keep the scores (held_out,) of normal rows, ascending."""
        self.scores.assign(np.sort(scores))

    def call(self, scores):
        less = ops.searchsorted(self.scores, scores, side="left")
        greater = self.held_out - ops.cast(less, "float32")
        return (1 + greater) / (1 + self.held_out)

    def get_config(self):
        return {**super().get_config(), "held_out": self.held_out}
