"""All levels trained together, as one deep autoencoder.

Source: Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks" (2006):
levels are pretrained greedily, unrolled, and trained again as a whole.
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from pipeline.config.task import JointTraining
from pipeline.seeds import derive
from pipeline.training.loop import ParameterGroup, Trainer, blocks, shuffled_batches
from pipeline.training.progress import Progress, Watch
from pipeline.training.rates import constant_then_linear


def train_jointly(
    variables: Sequence[keras.Variable],
    loss: Callable[[tf.Tensor], tf.Tensor],
    training: JointTraining,
    rows: np.ndarray,
    seed: int,
    watch: Watch,
) -> None:
    """Train variables by the loss of batches of rows (rows, features), a scalar.

    Raises `DivergedError`.
    """
    size = min(training.batch_size, len(rows))
    trainer = Trainer(
        loss,
        [ParameterGroup(keras.optimizers.Adam(), list(variables))],
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


def error_over_variance(rows: np.ndarray) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """The mean squared error of two batches, over the variance of these rows (rows, features)."""
    variance = max(float(rows.var(axis=0).mean()), 1e-12)
    return lambda true, given: tf.reduce_mean(tf.square(true - given)) / variance
