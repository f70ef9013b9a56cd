"""What tells anomalies by: a deep autoencoder and the rows that it learned from."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from layers.deep import DeepAutoencoder
from layers.detection.known import LikeKnown
from layers.detection.neighbours import NearestNeighbours, batched
from layers.detection.p_value import PValue
from layers.detection.unusual import Unusual

LEAST = 1e-3
"""Of the mean over features: one that is usually closer is judged no harder."""
FARTHEST = 30.0
"""Of a probe's logarithm of odds: more is as certain."""


def weights_of_known(known: int) -> tuple[float, float]:
    """What being like known anomalies, and a probe that learned them, weigh beside distances.

    The more are known, the more can be told from them (docs/anomalies.md).
    """
    return 2 * known / (known + 1), min(1.0, known**0.5 / 4)


@keras.saving.register_keras_serializable(package="layerwise")
class Detector(DeepAutoencoder):
    """A score that is greater the less a row is like normal ones, and how it comes about.

    The score is a mean of two distances, each made comparable by what it is on normal rows that
    trained nothing (`Unusual`): that of the row from its nearest neighbours among the rows that
    trained, which counts twice, and that of its code from theirs. The error of reconstruction is no
    part of it: on most tables it tells anomalies worse than either (docs/anomalies.md). Images have
    distances of their own (`ImageDetector`). Where anomalies are known, two more quantities come to
    the sum, weighed by `weights_of_known`: how much a row is like one of them (`LikeKnown`), and
    the odds that a logistic regression on the code, which `probe` holds, gives for an anomaly.

    Shapes: scaled rows (rows, features) to (rows, 3 + columns): the score, the mean squared error
    of reconstruction over features, the p-value (`PValue`), and each column's share of what is
    unusual in the row, which add up to 1: the mean of its shares of the distance from neighbours
    and of the error, each over what it is on normal rows.

    Arguments:
      encoder: a model from rows to codes (rows, units).
      decoder: a model from codes back to rows.
      columns: of each feature the column that it is of, numbered from 0.
      count: how many columns there are.
      references: rows that neighbours are searched among.
      held_out: normal rows that say what is usual.
      known: anomalies that are known, if any.
    """

    distance_weights: tuple[float, ...] = (2 / 3, 1 / 3)
    """Of the distances in the score: of rows and of codes."""

    def __init__(
        self,
        encoder: keras.Sequential,
        decoder: keras.Sequential,
        columns: Sequence[int],
        count: int,
        references: int,
        held_out: int,
        known: int = 0,
        **kwargs,
    ):
        super().__init__(encoder, decoder, **kwargs)
        self.columns = tuple(columns)
        self.count = count
        self.references = references
        self.held_out = held_out
        self.known = known
        self.weighed = self.distance_weights + (weights_of_known(known) if known else ())
        self._make_distances()
        self.unusual = Unusual(name="unusual")
        self.p_value = PValue(held_out, name="p_value")
        if known:
            self.like_known = LikeKnown(known, name="like_known")
            self.probe = keras.layers.Dense(1, name="probe")

    def build(self, input_shape):
        features = len(self.columns)
        self.encoder.build((None, features))
        units = self.encoder.output_shape[-1]
        self.decoder.build((None, units))
        self.usual = self.add_weight(
            name="usual", shape=(2, features), initializer="ones", trainable=False
        )
        self._build_distances(features, units)
        self.unusual.build((None, len(self.weighed)))
        if self.known:
            self.like_known.build((None, features))
            self.probe.build((None, units))
        self.p_value.build((None,))
        self.built = True

    def fit_known(self, known: np.ndarray, probe: Sequence[np.ndarray]) -> None:
        """Take rows (known, features) for anomalies, and the kernel and bias of a probe."""
        self.like_known.fit(batched(self._compared, known))
        self.probe.set_weights(probe)

    def fit_to(self, references: np.ndarray, held_out: np.ndarray) -> None:
        """Take both for normal: the rows to search among, and others that trained nothing.

        Where anomalies are known, `fit_known` comes before.
        """
        self._fit_distances(references)
        self.usual.assign(batched(self._by_feature, held_out).mean(axis=0))
        self.unusual.fit(
            batched(lambda rows: self._quantities(rows, self.encoder(rows))[0], held_out)
        )
        self.p_value.fit(batched(self.score, held_out))

    def score(self, rows):
        """The score of each row (rows,)."""
        quantities, _ = self._quantities(rows, self.encoder(rows))
        return self._score(quantities)

    def call(self, rows):
        code = self.encoder(rows)
        quantities, of_features = self._quantities(rows, code)
        errors = ops.square(rows - self.decoder(code))
        score = self._score(quantities)
        told = ops.stack([score, ops.mean(errors, axis=1), self.p_value(score)], axis=1)
        shares = (_shares(of_features, self.usual[0]) + _shares(errors, self.usual[1])) / 2
        of_columns = ops.matmul(shares, ops.one_hot(self.columns, self.count))
        return ops.concatenate([told, of_columns], axis=1)

    def get_config(self):
        return {
            **super().get_config(),
            "columns": list(self.columns),
            "count": self.count,
            "references": self.references,
            "held_out": self.held_out,
            "known": self.known,
        }

    def _make_distances(self):
        self.of_rows = NearestNeighbours(self.references, name="of_rows")
        self.of_codes = NearestNeighbours(self.references, name="of_codes")

    def _build_distances(self, features: int, units: int):
        self.of_rows.build((None, features))
        self.of_codes.build((None, units))

    def _fit_distances(self, references: np.ndarray) -> None:
        self.of_rows.fit(references)
        self.of_codes.fit(batched(self.encoder, references))

    def _distances(self, rows, code):
        """One of each kind (rows,), and that from the neighbours by feature (rows, features)."""
        of_row, of_features = self.of_rows(rows)
        of_code, _ = self.of_codes(code)
        return [of_row, of_code], of_features

    def _compared(self, rows):
        """What of rows is compared with neighbours and with known anomalies."""
        return rows

    def _score(self, quantities):
        return ops.sum(self.unusual(quantities) * ops.array(self.weighed), axis=1)

    def _quantities(self, rows, code):
        """What is unusual the greater it is (rows, quantities), and the first by feature."""
        quantities, of_features = self._distances(rows, code)
        if self.known:
            odds = ops.exp(ops.clip(self.probe(code)[:, 0], -FARTHEST, FARTHEST))
            quantities += [
                self.like_known(self._compared(rows), ops.sum(of_features, axis=1)),
                odds,
            ]
        return ops.stack(quantities, axis=1), of_features

    def _by_feature(self, rows):
        """What the shares are made of: distance from neighbours and error (rows, 2, features)."""
        errors = ops.square(rows - self.decoder(self.encoder(rows)))
        return ops.stack([self.of_rows(rows)[1], errors], axis=1)


def _shares(values, usual):
    """Of each row's sum of values over what they usually are (rows, features)."""
    values = values / (usual + LEAST * ops.mean(usual)) + 1e-9
    return values / ops.sum(values, axis=1, keepdims=True)
