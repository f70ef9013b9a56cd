"""Layers that tell how unlike a row is to those that an autoencoder learned from."""

from layers.detection.detector import Detector
from layers.detection.directions import NearestDirections
from layers.detection.images import ImageDetector
from layers.detection.known import LikeKnown
from layers.detection.mahalanobis import Mahalanobis
from layers.detection.neighbours import NearestNeighbours, batched
from layers.detection.p_value import PValue
from layers.detection.unusual import Unusual

__all__ = [
    "Detector",
    "ImageDetector",
    "LikeKnown",
    "Mahalanobis",
    "NearestDirections",
    "NearestNeighbours",
    "PValue",
    "Unusual",
    "batched",
]
