"""What tells anomalies among images."""

import keras
import numpy as np

from layers.detection.detector import Detector
from layers.detection.directions import NearestDirections, directions_of
from layers.detection.mahalanobis import Mahalanobis
from layers.detection.neighbours import NearestNeighbours, batched


@keras.saving.register_keras_serializable(package="layerwise")
class ImageDetector(Detector):
    """A `Detector` whose score is that of images: half of it is of pixels, half of codes.

    The score is a mean of three distances: that of the row's direction from its nearest neighbours'
    (`NearestDirections`), which counts twice, that of its code at the first level from theirs, and
    that of its code at the last level from the mean of all (`Mahalanobis`). So they told anomalies
    best among the training images of Fashion-MNIST (docs/anomalies.md).
    """

    distance_weights = (1 / 2, 1 / 4, 1 / 4)

    def _make_distances(self):
        self.of_rows = NearestDirections(self.references, name="of_rows")
        self.of_codes = NearestNeighbours(self.references, name="of_codes")
        self.of_last_codes = Mahalanobis(name="of_last_codes")

    def _build_distances(self, features: int, units: int):
        self.of_rows.build((None, features))
        self.of_codes.build((None, self.encoder.layers[0].units))
        self.of_last_codes.build((None, units))

    def _fit_distances(self, references: np.ndarray) -> None:
        self.of_rows.fit(references)
        self.of_codes.fit(batched(self.encoder.layers[0], references))
        self.of_last_codes.fit(batched(self.encoder, references))

    def _distances(self, rows, code):
        of_row, of_features = self.of_rows(rows)
        of_code, _ = self.of_codes(self.encoder.layers[0](rows))
        return [of_row, of_code, self.of_last_codes(code)], of_features

    def _compared(self, rows):
        return directions_of(rows)
