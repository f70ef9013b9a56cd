"""The supervised network: the stacked encoder, its codes standardised, and a head."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from layers import SparseAutoencoder
from pipeline.config.untrained import UntrainedLevel
from pipeline.seeds import derive
from pipeline.training.pretraining.level import untrained_autoencoder

# A hard limit is part of the code and goes with it; a penalty or regularizer stays in pretraining.
HARD_LIMITS = ("topk", "batch_topk", "lifetime", "jumprelu")
HEAD_DEVIATION = 0.01


class Network(NamedTuple):
    """A stacked encoder with a head, as one Keras model and its parts."""

    model: keras.Sequential
    """From scaled rows (rows, features) to the head's output (rows, outputs)."""
    encoder: keras.Sequential
    """The stack alone: (rows, units of the top level)."""
    standardize: keras.layers.BatchNormalization
    """Codes to mean 0 and deviation 1 by fixed numbers, set once before training."""
    head: keras.layers.Dense
    """Logits of the classes, or the standardised target."""


def build_network(stack: Sequence[UntrainedLevel], features: int, outputs: int) -> Network:
    """A network of the stack's shape, its weights yet to be set."""
    encoder = keras.Sequential([keras.Input((features,))], name="stacked_encoder")
    for number, (level, autoencoder) in enumerate(
        zip(stack, random_autoencoders(stack, features, seed=0), strict=True), 1
    ):
        encoder.add(keras.layers.Dense(level.units, level.activation, name=f"encoder_{number}"))
        sparsity = autoencoder.sparsity
        if sparsity and level.passes_on == "code" and level.sparsity.mechanism in HARD_LIMITS:
            settings = sparsity.get_config() | {"name": f"sparsity_{number}"}
            encoder.add(type(sparsity).from_config(settings))
    standardize = keras.layers.BatchNormalization(
        center=False, scale=False, trainable=False, name="standardize"
    )
    head = keras.layers.Dense(outputs, name="head")
    model = keras.Sequential([keras.Input((features,)), encoder, standardize, head], name="network")
    return Network(model, encoder, standardize, head)


def reconstruct(autoencoders: Sequence[SparseAutoencoder], code: Any) -> Any:
    """The rows (rows, features) that the code (rows, units) of the topmost level stands for."""
    rows = autoencoders[-1].decode(code)
    for autoencoder in reversed(autoencoders[:-1]):
        # What a decoder gives stands for activations; the decoder below reads sparse codes.
        rows = autoencoder.decode(autoencoder.sparsify(rows))
    return rows


def build_decoder(stack: Sequence[UntrainedLevel], features: int) -> keras.Sequential:
    """From the top level's code (rows, units) back to rows (rows, features), weights yet to be set.

    It mirrors the encoder: what it makes of a code passes through the activation of the level below
    on its way down.
    """
    decoder = keras.Sequential([keras.Input((stack[-1].units,))], name="stacked_decoder")
    for number in range(len(stack), 0, -1):
        level = stack[number - 1]
        width = stack[number - 2].units if number > 1 else features
        decoder.add(keras.layers.Dense(width, level.decoder_activation, name=f"decoder_{number}"))
        if number > 1:
            decoder.add(keras.layers.Activation(stack[number - 2].activation))
    return decoder


def initialize_decoder(
    decoder: keras.Sequential, autoencoders: Sequence[SparseAutoencoder]
) -> None:
    """Set every weight of the decoder from the autoencoders' decoders."""
    layers = [layer for layer in decoder.layers if isinstance(layer, keras.layers.Dense)]
    for layer, autoencoder in zip(layers, reversed(autoencoders), strict=True):
        kernel = (
            autoencoder.encoder.kernel.numpy().T
            if autoencoder.tied
            else autoencoder.decoder.kernel.numpy()
        )
        layer.set_weights([kernel, autoencoder.decoder.bias.numpy()])


def random_autoencoders(
    stack: Sequence[UntrainedLevel], features: int, seed: int
) -> list[SparseAutoencoder]:
    """The stack as it is before any training: where the `random` arm's encoder comes from."""
    widths = [features, *(level.units for level in stack)]
    return [
        untrained_autoencoder(level, width, derive(seed, "level", number))
        for number, (level, width) in enumerate(zip(stack, widths, strict=False), 1)
    ]


def initialize(
    network: Network, autoencoders: Sequence[SparseAutoencoder], rows: np.ndarray, seed: int
) -> None:
    """Set every weight: the encoder's from the autoencoders, the head's small and random.

    The code is standardised by its mean and variance over `rows` (rows, features).
    """
    sources: dict[str, keras.layers.Layer | None] = {}
    for number, autoencoder in enumerate(autoencoders, 1):
        sources[f"encoder_{number}"] = autoencoder.encoder
        sources[f"sparsity_{number}"] = autoencoder.sparsity
    for layer in network.encoder.layers:
        source = sources[layer.name]
        assert source is not None  # the network has a sparsity layer only where there is one
        layer.set_weights(source.get_weights())
    codes = network.encoder.predict_on_batch(rows)
    network.standardize.set_weights([codes.mean(axis=0), codes.var(axis=0)])
    kernel, bias = network.head.get_weights()
    draw = np.random.default_rng(derive(seed, "head"))
    network.head.set_weights(
        [draw.normal(0, HEAD_DEVIATION, kernel.shape).astype("float32"), np.zeros_like(bias)]
    )
