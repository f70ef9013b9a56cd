"""What a sparse autoencoder is: Keras layers written with `keras.ops`, for any Keras backend."""

from layers.autoencoder import SparseAutoencoder
from layers.category_softmax import CategorySoftmax
from layers.corruption import Corruption
from layers.deep import DeepAutoencoder, Embedding
from layers.detection import Detector
from layers.revival import dead_units, revive
from layers.sparsity import SparsityMechanism

__all__ = [
    "CategorySoftmax",
    "Corruption",
    "DeepAutoencoder",
    "Detector",
    "Embedding",
    "SparseAutoencoder",
    "SparsityMechanism",
    "dead_units",
    "revive",
]
