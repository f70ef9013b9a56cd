"""All levels trained together, as one deep autoencoder.

Source: Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks" (2006):
levels are pretrained greedily, unrolled, and trained again as a whole.
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from layers import SparseAutoencoder
from pipeline.config.task import JointTraining
from pipeline.config.untrained import UntrainedLevel
from pipeline.seeds import derive
from pipeline.training.loop import ParameterGroup, Trainer, blocks, shuffled_batches
from pipeline.training.progress import Progress, Watch
from pipeline.training.rates import constant_then_linear
from pipeline.training.stack import (
    build_encoder,
    hard_limit,
    initialize_encoder,
    stacked_decoder,
)

TOP = "sparsity_top"


class DeepAutoencoder(NamedTuple):
    """The stack unrolled."""

    encoder: keras.Sequential
    """From rows (rows, features) to the top level's code (rows, units)."""
    decoder: keras.Sequential
    """Back to rows."""

    def kernels(self) -> list[np.ndarray]:
        """The encoder's weights level by level, without biases."""
        layers = self.encoder.layers
        return [layer.kernel.numpy() for layer in layers if isinstance(layer, keras.layers.Dense)]


def unrolled(
    stack: Sequence[UntrainedLevel], autoencoders: Sequence[SparseAutoencoder]
) -> DeepAutoencoder:
    """The deep autoencoder of these levels, with copies of their weights."""
    encoder = build_encoder(stack, autoencoders[0].encoder.kernel.shape[0])
    initialize_encoder(encoder, autoencoders)
    limit = hard_limit(stack[-1], TOP)
    if limit and stack[-1].passes_on == "activations":
        encoder.add(limit)
        sparsity = autoencoders[-1].sparsity
        assert sparsity is not None  # it is where the limit comes from
        limit.set_weights(sparsity.get_weights())
    return DeepAutoencoder(encoder, stacked_decoder(stack, autoencoders))


def train_jointly(
    deep: DeepAutoencoder,
    training: JointTraining,
    rows: np.ndarray,
    seed: int,
    watch: Watch,
) -> None:
    """Train encoder and decoder on rows (rows, features) by their squared error.

    On clean rows, whatever the levels were pretrained on: codes of noise tell anomalies worse
    (docs/anomalies.md). Raises `DivergedError`.
    """
    variance = max(float(rows.var(axis=0).mean()), 1e-12)
    size = min(training.batch_size, len(rows))

    def loss(batch: tf.Tensor) -> tf.Tensor:
        given = deep.decoder(deep.encoder(batch, training=True), training=True)
        return tf.reduce_mean(tf.square(batch - given)) / variance

    variables = [*deep.encoder.trainable_variables, *deep.decoder.trainable_variables]
    trainer = Trainer(
        loss,
        [ParameterGroup(keras.optimizers.Adam(), variables)],
        [tf.TensorSpec((None, rows.shape[1]), tf.float32)],
        size,
    )
    steps = len(rows) // size
    epochs = max(training.epochs, -(-training.min_steps // steps))
    rates = constant_then_linear(training.learning_rate, steps * epochs)
    for epoch in range(epochs):
        batches = shuffled_batches(len(rows), size, derive(seed, "epoch", epoch))
        losses, done = [], epoch * steps
        for block in blocks(batches):
            here = slice(done, done + len(batches[block]))
            losses.append(trainer.run(batches[block], rates[here], rows))
            done = here.stop
        metrics = {"loss": float(np.mean(losses))}
        seen = done * size
        watch(
            Progress(done, steps * epochs, seen, losses[-1], epoch + 1, epochs, metrics, 0, "joint")
        )
