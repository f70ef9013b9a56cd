"""The supervised network: the stacked encoder, its codes standardised, and a head."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import numpy as np

from layers import SparseAutoencoder
from pipeline.config.arms import ARMS
from pipeline.config.untrained import UntrainedLevel
from pipeline.seeds import derive
from pipeline.training.pretraining.level import untrained_autoencoder
from pipeline.training.stack import build_encoder, initialize_encoder

HEAD_STANDARD_DEVIATION = 0.01
LEAST_VARIANCE = 0.01
"""Of the units' mean: one that varies less is scaled as if it varied so much. By its own variance a
unit that few of these rows excite would be a thousand times as large as others on rows to come."""


class Network(NamedTuple):
    """A stacked encoder with a head, as one Keras model and its parts."""

    model: keras.Sequential
    """From scaled rows (rows, features) to the head's output (rows, outputs)."""
    encoder: keras.Sequential
    """The stack alone: (rows, units of the top level)."""
    standardize: keras.layers.BatchNormalization
    """Codes to mean 0 and standard deviation 1 by fixed numbers, set once before training."""
    head: keras.layers.Dense
    """Logits of the classes, or the standardised target."""


def build_network(stack: Sequence[UntrainedLevel], features: int, outputs: int) -> Network:
    """A network of the stack's shape, its weights yet to be set."""
    encoder = build_encoder(stack, features)
    standardize = keras.layers.BatchNormalization(
        epsilon=0.0, center=False, scale=False, trainable=False, name="standardize"
    )
    head = keras.layers.Dense(outputs, name="head")
    model = keras.Sequential([keras.Input((features,)), encoder, standardize, head], name="network")
    return Network(model, encoder, standardize, head)


def random_autoencoders(
    stack: Sequence[UntrainedLevel], features: int, seed: int
) -> list[SparseAutoencoder]:
    """The stack as it is before any training: where the `random` arm's encoder comes from."""
    widths = [features, *(level.units for level in stack)]
    return [
        untrained_autoencoder(level, width, derive(seed, "level", number))
        for number, (level, width) in enumerate(zip(stack, widths, strict=False), 1)
    ]


def first_levels(
    arm: str,
    stack: Sequence[UntrainedLevel],
    features: int,
    seed: int,
    pretrained: Callable[[], Sequence[SparseAutoencoder]],
) -> Sequence[SparseAutoencoder]:
    """Where an arm's encoder starts: at the `pretrained` levels, or at new weights of the seed."""
    if ARMS[arm].weights == "stack":
        return pretrained()
    return random_autoencoders(stack, features, seed)


def initialize(
    network: Network, autoencoders: Sequence[SparseAutoencoder], rows: np.ndarray, seed: int
) -> None:
    """Set every weight: the encoder's from the autoencoders, the head's small and random.

    The code is standardised by its mean and variance over `rows` (rows, features).
    """
    initialize_encoder(network.encoder, autoencoders)
    codes = network.encoder.predict_on_batch(rows)
    variance = codes.var(axis=0)
    least = LEAST_VARIANCE * variance.mean() or 1.0  # all dead
    network.standardize.set_weights([codes.mean(axis=0), np.maximum(variance, least)])
    kernel, bias = network.head.get_weights()
    draw = np.random.default_rng(derive(seed, "head"))
    small = draw.normal(0, HEAD_STANDARD_DEVIATION, kernel.shape).astype("float32")
    network.head.set_weights([small, np.zeros_like(bias)])
