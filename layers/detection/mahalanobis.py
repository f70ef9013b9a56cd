"""How far a row is from the mean of others, measured by how these vary together."""

import keras
import numpy as np
from keras import ops

RIDGE = 0.1
"""Of the mean variance, added to each: what hardly varies in few rows may vary more in others."""
LEAST = 1e-12


@keras.saving.register_keras_serializable(package="layerwise")
class Mahalanobis(keras.layers.Layer):
    """(row - mean)' inverse(covariance + ridge) (row - mean), as both are of other rows.

    Shapes: (rows, features) to (rows,). Source: Mahalanobis, "On the Generalised Distance in
    Statistics" (1936).
    """

    def build(self, input_shape):
        features = input_shape[-1]
        self.mean = self.add_weight(name="mean", shape=(features,), trainable=False)
        self.whitening = self.add_weight(
            name="whitening", shape=(features, features), trainable=False
        )

    def fit(self, rows: np.ndarray) -> None:
        """Take mean and covariance of rows (rows, features)."""
        rows = rows.astype("float64")
        mean = rows.mean(axis=0)
        covariance = (rows - mean).T @ (rows - mean) / len(rows)
        variances, axes = np.linalg.eigh(covariance)
        least = RIDGE * variances.mean() + LEAST
        self.mean.assign(mean)
        self.whitening.assign(axes / np.sqrt(np.maximum(variances, 0) + least))

    def call(self, rows):
        return ops.sum(ops.square(ops.matmul(rows - self.mean, self.whitening)), axis=1)
