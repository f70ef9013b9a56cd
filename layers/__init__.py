"""What a sparse autoencoder is: Keras layers written with `keras.ops`, for any Keras backend."""

from layers.autoencoder import SparseAutoencoder
from layers.corruption import GaussianCorruption, Masking, SaltAndPepper
from layers.revival import dead_units, revive
from layers.sparsity import BatchTopK, JumpReLU, KLDivergence, L1Penalty, LifetimeSparsity, TopK

__all__ = [
    "BatchTopK",
    "GaussianCorruption",
    "JumpReLU",
    "KLDivergence",
    "L1Penalty",
    "LifetimeSparsity",
    "Masking",
    "SaltAndPepper",
    "SparseAutoencoder",
    "TopK",
    "dead_units",
    "revive",
]
