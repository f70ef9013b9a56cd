"""The stack unrolled: its encoders one after the other, and its decoders back."""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np

from layers import SparseAutoencoder
from pipeline.config.sparsity import NoSparsity
from pipeline.config.untrained import UntrainedLevel
from pipeline.training.stack import (
    build_encoder,
    hard_limit,
    initialize_encoder,
    stacked_decoder,
)

TOP = "sparsity_top"


class Unrolled(NamedTuple):
    """The stack unrolled."""

    encoder: keras.Sequential
    """From rows (rows, features) to the top level's code (rows, units)."""
    decoder: keras.Sequential
    """Back to rows."""

    @property
    def variables(self) -> list[keras.Variable]:
        """All that is trained."""
        return [*self.encoder.trainable_variables, *self.decoder.trainable_variables]

    def kernels(self) -> list[np.ndarray]:
        """The encoder's weights level by level, without biases."""
        layers = self.encoder.layers
        return [layer.kernel.numpy() for layer in layers if isinstance(layer, keras.layers.Dense)]


def without_limits(stack: Sequence[UntrainedLevel]) -> list[UntrainedLevel]:
    """The same levels with every unit free to be active.

    What is trained to decode from all of a code does so better where no limit cuts it short
    (docs/denoising.md, docs/embedding.md); the pretrained levels were trained with it.
    """
    return [level.model_copy(update={"sparsity": NoSparsity()}) for level in stack]


def unrolled(
    stack: Sequence[UntrainedLevel], autoencoders: Sequence[SparseAutoencoder]
) -> Unrolled:
    """The deep autoencoder of these levels, with copies of their weights."""
    encoder = build_encoder(stack, autoencoders[0].encoder.kernel.shape[0])
    initialize_encoder(encoder, autoencoders)
    limit = hard_limit(stack[-1], TOP)
    if limit and stack[-1].passes_on == "activations":
        encoder.add(limit)
        sparsity = autoencoders[-1].sparsity
        assert sparsity is not None  # it is where the limit comes from
        limit.set_weights(sparsity.get_weights())
    return Unrolled(encoder, stacked_decoder(stack, autoencoders))
