"""How far a row is from the rows most like it."""

import keras
import numpy as np
from keras import ops

LOCAL = 0.25
"""How much a distance is measured by those around it: 0 not at all, 1 as a ratio."""
LEAST = 1e-6


@keras.saving.register_keras_serializable(package="layerwise")
class NearestNeighbours(keras.layers.Layer):
    """The distance of each row from its nearest references, and how features make it up.

    The distance is the mean city-block distance from `k` neighbours, over the fourth root of how
    far those are from their own: where references are sparse a row may be farther from them. The
    neighbours are the nearest among `candidates`, which are the nearest by Euclidean distance,
    found by one product.

    Shapes: (rows, features) to the distance (rows,), and the mean absolute difference from the
    neighbours (rows, features). The references (references, features) are set once, by `fit`.
    Sources: the mean distance to k neighbours, Angiulli and Pizzuti, "Fast Outlier Detection in
    High Dimensional Spaces" (2002); beside that of the neighbours, Breunig et al., "LOF" (2000).
    """

    def __init__(self, references: int, k: int = 5, candidates: int = 20, **kwargs):
        super().__init__(**kwargs)
        self.references = references
        self.k = min(k, references)
        self.candidates = min(candidates, references)

    def build(self, input_shape):
        self.rows = self.add_weight(
            name="rows", shape=(self.references, input_shape[-1]), trainable=False
        )
        self.spacing = self.add_weight(
            name="spacing", shape=(self.references,), initializer="ones", trainable=False
        )

    def fit(self, rows: np.ndarray) -> None:
        """Keep the references (references, features), and how far each is from its neighbours."""
        self.rows.assign(rows)
        # Each is its own nearest neighbour, at distance 0.
        own = batched(lambda part: ops.sum(self._neighbours(part)[1], axis=1), rows)
        self.spacing.assign(np.maximum(own * self.k / max(self.k - 1, 1), LEAST))

    def call(self, rows):
        nearest, differences = self._neighbours(rows)
        around = ops.mean(ops.take(self.spacing, nearest), axis=1)
        return ops.sum(differences, axis=1) / around**LOCAL, differences

    def _neighbours(self, rows):
        """Which references are nearest (rows, k), and the mean difference from them by feature."""
        squares = ops.sum(ops.square(self.rows), axis=1)
        # Without the row's own square, which all its distances have in common.
        nearness = 2 * ops.matmul(rows, ops.transpose(self.rows)) - squares
        _, near = ops.top_k(nearness, self.candidates, sorted=False)
        differences = ops.abs(rows[:, None] - ops.take(self.rows, near, axis=0))
        _, first = ops.top_k(-ops.sum(differences, axis=2), self.k, sorted=False)
        chosen = ops.take_along_axis(differences, first[:, :, None], axis=1)
        return ops.take_along_axis(near, first, axis=1), ops.mean(chosen, axis=1)

    def get_config(self):
        return {
            **super().get_config(),
            "references": self.references,
            "k": self.k,
            "candidates": self.candidates,
        }


BATCH_ROWS = 512
"""Of which each has the differences from its candidates in memory."""


def batched(function, rows):
    """What a function of rows (rows, features) gives for any number of them, as an array."""
    starts = range(0, len(rows), BATCH_ROWS)
    parts = [function(ops.convert_to_tensor(rows[s : s + BATCH_ROWS])) for s in starts]
    return np.concatenate([ops.convert_to_numpy(part) for part in parts])
