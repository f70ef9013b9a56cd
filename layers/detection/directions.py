"""How far the direction of a row is from those of the rows most like it."""

import keras
import numpy as np
from keras import ops

LEAST = 1e-6


def directions_of(rows):
    """Rows (rows, features) scaled to length 1; those of nothing but zeros stay as they are."""
    lengths = ops.sqrt(ops.sum(ops.square(rows), axis=1, keepdims=True))
    return rows / (lengths + LEAST)


@keras.saving.register_keras_serializable(package="layerwise")
class NearestDirections(keras.layers.Layer):
    """The distance of each row from its nearest references, where all are scaled to length 1.

    An image that is darker or brighter than others is as near to them. The distance is the mean
    Euclidean one from the `k` nearest.

    Shapes: (rows, features) to the distance (rows,), and the mean absolute difference from the
    neighbours (rows, features). The references (references, features) are set once, by `fit`.
    Source: the mean distance to k neighbours, Angiulli and Pizzuti, "Fast Outlier Detection in High
    Dimensional Spaces" (2002).
    """

    def __init__(self, references: int, k: int = 5, **kwargs):
        super().__init__(**kwargs)
        self.references = references
        self.k = min(k, references)

    def build(self, input_shape):
        self.directions = self.add_weight(
            name="directions", shape=(self.references, input_shape[-1]), trainable=False
        )

    def fit(self, rows: np.ndarray) -> None:
        """Keep the directions of the references (references, features)."""
        self.directions.assign(directions_of(ops.convert_to_tensor(rows)))

    def call(self, rows):
        here = directions_of(rows)
        _, near = ops.top_k(ops.matmul(here, ops.transpose(self.directions)), self.k, sorted=False)
        differences = here[:, None] - ops.take(self.directions, near, axis=0)
        distances = ops.sqrt(ops.sum(ops.square(differences), axis=2))
        return ops.mean(distances, axis=1), ops.mean(ops.abs(differences), axis=1)

    def get_config(self):
        return {**super().get_config(), "references": self.references, "k": self.k}
