"""How much a row is like anomalies that are known."""

import keras
import numpy as np
from keras import ops

LEAST = 1e-3
AT_ONCE = 16
"""Known rows whose differences from a batch are in memory together."""


@keras.saving.register_keras_serializable(package="layerwise")
class LikeKnown(keras.layers.Layer):
    """How many times farther a row is from its normal neighbours than from a known anomaly.

    Shapes: rows (rows, features) and how far they are from their normal neighbours (rows,), to
    (rows,). The distance from the nearest of the known rows (known, features), which `fit` sets, is
    the city-block one, as that from neighbours is.
    """

    def __init__(self, known: int, **kwargs):
        super().__init__(**kwargs)
        self.known = known

    def build(self, input_shape):
        self.rows = self.add_weight(
            name="rows", shape=(self.known, input_shape[-1]), trainable=False
        )

    def fit(self, rows: np.ndarray) -> None:
        """Keep the known rows (known, features)."""
        self.rows.assign(rows)

    def call(self, rows, of_normal):
        parts = [self.rows[start : start + AT_ONCE] for start in range(0, self.known, AT_ONCE)]
        nearest = [
            ops.min(ops.sum(ops.abs(rows[:, None] - part), axis=2), axis=1) for part in parts
        ]
        return (of_normal + LEAST) / (ops.min(ops.stack(nearest), axis=0) + LEAST)

    def get_config(self):
        return {**super().get_config(), "known": self.known}
