"""Through the stack and back: what its levels pass on, and the rows that a code stands for."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from layers import SparseAutoencoder, SparsityMechanism
from layers.sparsity.largest import Search
from pipeline.config.untrained import UntrainedLevel
from pipeline.data.rows.streamed import Rows

ENCODED_ROWS = 4096
INTO_RANGE = {
    "relu": lambda: keras.layers.ReLU(),
    "sigmoid": lambda: keras.layers.ReLU(max_value=1.0),
    "tanh": lambda: keras.layers.Activation("hard_tanh"),
}
"""Layers that bring any number to the nearest that an activation gives; `linear` gives all."""


def pass_on(
    autoencoder: SparseAutoencoder, rows: Any, what: str, search: Search | None = None
) -> Any:
    """What a level passes on for rows (rows, features): activations or code, (rows, units).

    `search` is the sparsity mechanism's.
    """
    activations = autoencoder.encoder(rows)
    return autoencoder.sparsify(activations, search=search) if what == "code" else activations


def code_of(
    stack: Sequence[UntrainedLevel],
    autoencoders: Sequence[SparseAutoencoder],
    rows: Any,
    search: Search | None = None,
) -> Any:
    """The topmost level's code (rows, units) of rows (rows, features) that fit in memory."""
    for level, autoencoder in zip(stack[:-1], autoencoders[:-1], strict=True):
        rows = pass_on(autoencoder, rows, level.passes_on, search)
    return pass_on(autoencoders[-1], rows, "code", search)


def encode(autoencoder: SparseAutoencoder, rows: Rows, what: str = "activations") -> np.ndarray:
    """What a level passes on for any number of rows (rows, features), in memory."""
    return np.concatenate(list(encoded(autoencoder, rows, what)))


def encoded(
    autoencoder: SparseAutoencoder, rows: Rows, what: str = "activations"
) -> Iterator[np.ndarray]:
    """The same in parts, of which each is in memory alone."""
    layer = tf.function(
        lambda part: pass_on(autoencoder, part, what),
        input_signature=[tf.TensorSpec((None, rows.shape[1]), tf.float32)],
        autograph=False,
    ).get_concrete_function()  # called by itself it warns, after five levels, of being made anew
    for start in range(0, len(rows), ENCODED_ROWS):
        yield layer(rows[start : start + ENCODED_ROWS]).numpy()


def hard_limit(level: UntrainedLevel, name: str) -> SparsityMechanism | None:
    """A layer of its own that limits codes as the level does; None where it has no hard limit."""
    layer = level.sparsity.layer()
    if layer is None or not layer.hard_limit:
        return None
    return type(layer).from_config(layer.get_config() | {"name": name})


def build_encoder(stack: Sequence[UntrainedLevel], features: int) -> keras.Sequential:
    """From rows (rows, features) to the top level's activations (rows, units), weights not yet set.

    A hard limit is part of the code and goes with it; a penalty stays in pretraining.
    """
    encoder = keras.Sequential([keras.Input((features,))], name="stacked_encoder")
    for number, level in enumerate(stack, 1):
        encoder.add(keras.layers.Dense(level.units, level.activation, name=f"encoder_{number}"))
        limit = hard_limit(level, f"sparsity_{number}")
        if limit and level.passes_on == "code":
            encoder.add(limit)
    return encoder


def initialize_encoder(
    encoder: keras.Sequential, autoencoders: Sequence[SparseAutoencoder]
) -> None:
    """Set every weight of the encoder from the autoencoders' encoders and limits."""
    sources: dict[str, keras.layers.Layer | None] = {}
    for number, autoencoder in enumerate(autoencoders, 1):
        sources[f"encoder_{number}"] = autoencoder.encoder
        sources[f"sparsity_{number}"] = autoencoder.sparsity
    for layer in encoder.layers:
        source = sources[layer.name]
        assert source is not None  # the network has a sparsity layer only where there is one
        layer.set_weights(source.get_weights())


def build_decoder(stack: Sequence[UntrainedLevel], features: int) -> keras.Sequential:
    """From the top level's code (rows, units) back to rows (rows, features), weights yet to be set.

    What a decoder gives stands for activations of the level below: it is brought into their range
    and limited as they are, because that level's decoder was trained on such codes.
    """
    decoder = keras.Sequential([keras.Input((stack[-1].units,))], name="stacked_decoder")
    for number in range(len(stack), 0, -1):
        level = stack[number - 1]
        width = stack[number - 2].units if number > 1 else features
        decoder.add(keras.layers.Dense(width, level.decoder_activation, name=f"decoder_{number}"))
        if number == 1:
            break
        below = stack[number - 2]
        if below.activation in INTO_RANGE:
            decoder.add(INTO_RANGE[below.activation]())
        if limit := hard_limit(below, f"sparsity_{number - 1}"):
            limit.trainable = False
            decoder.add(limit)
    return decoder


def initialize_decoder(
    decoder: keras.Sequential, autoencoders: Sequence[SparseAutoencoder]
) -> None:
    """Set every weight of the decoder from the autoencoders' decoders and limits."""
    parts = {layer.name: layer for layer in decoder.layers}
    for number, autoencoder in enumerate(autoencoders, 1):
        kernel = (
            autoencoder.encoder.kernel.numpy().T
            if autoencoder.tied
            else autoencoder.decoder.kernel.numpy()
        )
        parts[f"decoder_{number}"].set_weights([kernel, autoencoder.decoder.bias.numpy()])
        if limit := parts.get(f"sparsity_{number}"):
            assert autoencoder.sparsity is not None  # it is where the limit comes from
            limit.set_weights(autoencoder.sparsity.get_weights())


def stacked_decoder(
    stack: Sequence[UntrainedLevel], autoencoders: Sequence[SparseAutoencoder]
) -> keras.Sequential:
    """The decoder of these autoencoders, with copies of their weights."""
    decoder = build_decoder(stack, autoencoders[0].encoder.kernel.shape[0])
    initialize_decoder(decoder, autoencoders)
    if categories := autoencoders[0].categories:
        decoder.add(type(categories).from_config(categories.get_config()))
    return decoder
