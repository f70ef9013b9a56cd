"""Categories among the features: a softmax for each one-hot vector, judged by cross-entropy."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="layerwise")
class CategorySoftmax(keras.layers.Layer):
    """Softmax within the features of each category column; all other features as they are.

    Shapes: (rows, features) in and out.

    Arguments:
      first: position of the first feature of the first one-hot vector.
      sizes: how many features each one-hot vector has; one follows the other.
      shares: of each of these features, its mean over the training rows; for `errors`.

    Raises `ValueError` where there are no sizes, or not a share for each feature.
    """

    def __init__(self, first: int, sizes: Sequence[int], shares: Sequence[float], **kwargs):
        super().__init__(**kwargs)
        self.first = first
        self.sizes = tuple(sizes)
        self.shares = tuple(shares)
        if not self.sizes or len(self.shares) != sum(self.sizes):
            raise ValueError(
                "CategorySoftmax needs sizes, and a share for each of sum(sizes) features. "
                f"Received: sizes={self.sizes} and {len(self.shares)} shares."
            )
        self._vector_of = np.repeat(np.arange(len(self.sizes), dtype="int32"), self.sizes)
        self._weights = _weights(self._vector_of, np.array(self.shares))

    def call(self, decoded):
        before, logits, after = self._parts(decoded)
        return ops.concatenate([before, ops.exp(self._log_softmax(logits)), after], axis=-1)

    def errors(self, rows, decoded):
        """Sum of squared errors, for categories of cross-entropies in their place: (rows,).

        `rows` and `decoded`, on which no softmax was taken, are (rows, features). The cross-entropy
        of a column is scaled by (sum of the variances of its features) / (entropy of its shares).
        Always to give the shares then errs as much by either measure: what a column counts beside
        the others is what it counts in squared error, and only how its errors are judged differs.
        A value that has no feature of its own, a row of zeros, adds nothing.

        Source: each column's loss is scaled by its loss at the best constant in Udell et al.,
        "Generalized Low Rank Models" (2016), on offsets and scaling. The constants' losses are
        those of the quadratic and the logarithmic score (Gneiting & Raftery 2007).
        """
        before, onehot, after = self._parts(rows)
        before_decoded, logits, after_decoded = self._parts(decoded)
        return (
            ops.sum(ops.square(before - before_decoded), axis=-1)
            - ops.sum(self._weights * onehot * self._log_softmax(logits), axis=-1)
            + ops.sum(ops.square(after - after_decoded), axis=-1)
        )

    def get_config(self):
        return {
            **super().get_config(),
            "first": self.first,
            "sizes": list(self.sizes),
            "shares": list(self.shares),
        }

    def _parts(self, rows):
        """The features before the one-hot vectors, theirs, and those after."""
        last = self.first + len(self.shares)
        return rows[:, : self.first], rows[:, self.first : last], rows[:, last:]

    def _log_softmax(self, logits):
        # As many operations for thirty vectors as for one. Sums by a matrix of ones and zeros are
        # no faster, and GPUs round them in TF32.
        by_feature, of, vectors = ops.transpose(logits), self._vector_of, len(self.sizes)
        peaks = ops.segment_max(ops.stop_gradient(by_feature), of, vectors)
        below = by_feature - ops.take(peaks, of, axis=0)
        log_sums = ops.log(ops.segment_sum(ops.exp(below), of, vectors))
        return ops.transpose(below - ops.take(log_sums, of, axis=0))


def _weights(vector_of: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Of each feature: variance over entropy of its one-hot vector; 0 for one that never varies."""
    together = np.bincount(vector_of, shares)  # below 1 where some values have no feature
    surprise = np.log(together[vector_of] / np.maximum(shares, 1e-30))
    entropy = np.bincount(vector_of, shares * surprise)
    variance = np.bincount(vector_of, shares * (1 - shares))
    weights = np.divide(variance, entropy, out=np.zeros_like(entropy), where=entropy > 1e-6)
    return weights[vector_of].astype("float32")
