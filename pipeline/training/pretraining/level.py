"""One level of the stack: the autoencoder that its config describes, and what trains it."""

from collections.abc import Sequence
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from layers import CategorySoftmax, SparseAutoencoder
from layers.sparsity.largest import largest
from pipeline.config.level import LevelTraining
from pipeline.config.untrained import UntrainedLevel
from pipeline.data.rows.streamed import Rows, moments
from pipeline.seeds import derive
from pipeline.training.acceleration import faster_with_xla
from pipeline.training.loop import (
    ParameterGroup,
    Trainer,
    shuffled_batches,
    steps_together,
)

WORTH_MEASURING = 8e11
"""Floating-point operations of a level's products, some fifteen seconds of two cores. XLA compiles
for two seconds, which smaller levels hardly win back."""
LEAST_SHARE = 1e-6
"""Of a category, whose logarithm a decoder begins with."""
SEARCH = tf.function(largest, jit_compile=True, autograph=False)
"""Many cheap passes over the activations: one kernel of XLA's, also where it compiles no more. All
levels share it, so that those of the same shape compile it once."""


def build_autoencoder(
    level: LevelTraining,
    rows: Rows,
    seed: int,
    columns: Sequence[int] = (),
    categories: Sequence[range] = (),
) -> SparseAutoencoder:
    """The autoencoder of a level, with weights; an empty code stands for the mean row.

    `columns` says of each feature of the rows which column it is of; else each is one.
    `categories` are the features of each one-hot vector, one after another.
    """
    mean, variance = column_moments(rows)
    by_kind = level.loss == "by_kind"
    softmax = None
    if by_kind and categories:
        onehot = slice(categories[0].start, categories[-1].stop)
        softmax = CategorySoftmax(onehot.start, [*map(len, categories)], mean[onehot].tolist())
    autoencoder = SparseAutoencoder(
        level.units,
        activation=level.activation,
        sparsity=level.sparsity.layer(),
        corruption=level.corruption.layer(derive(seed, "corruption"), columns),
        tied=level.tied,
        decoder_activation=level.decoder_activation,
        unit_norm_decoder=level.unit_norm_decoder,
        loss="normalized" if by_kind else level.loss,
        feature_variance=float(max(variance.mean(), 1e-12)),
        categories=softmax,
        seed=derive(seed, "weights"),
        name="autoencoder",
    )
    autoencoder.build((None, rows.shape[1]))
    if level.decoder_activation == "sigmoid":
        inside = np.clip(mean, 0.01, 0.99)
        mean = np.log(inside / (1 - inside))
    if softmax:
        mean[onehot] = np.log(np.maximum(mean[onehot], LEAST_SHARE))
    autoencoder.decoder.bias.assign(mean)
    return autoencoder


def untrained_autoencoder(level: UntrainedLevel, features: int, seed: int) -> SparseAutoencoder:
    """An autoencoder as it is before any training, of rows about which nothing is known."""
    autoencoder = SparseAutoencoder(
        level.units,
        activation=level.activation,
        sparsity=level.sparsity.layer(),
        tied=level.tied,
        decoder_activation=level.decoder_activation,
        unit_norm_decoder=level.unit_norm_decoder,
        seed=derive(seed, "weights"),
        name="autoencoder",
    )
    autoencoder.build((None, features))
    return autoencoder


def trainer_of(
    autoencoder: SparseAutoencoder, batch_size: int, precision: str, xla: bool
) -> Trainer:
    """What trains the autoencoder, with Adam, on batches of `batch_size` rows."""
    features = autoencoder.encoder.kernel.shape[0]

    def loss(*batch: tf.Tensor) -> tf.Tensor:
        autoencoder(
            batch[-1], corrupted=batch[0], training=True, precision=precision, search=SEARCH
        )
        return tf.add_n(autoencoder.losses)

    return Trainer(
        loss,
        [ParameterGroup(keras.optimizers.Adam(), autoencoder.trainable_variables)],
        [tf.TensorSpec((None, features), tf.float32)],
        batch_size,
        corrupt=partial(autoencoder.corruption, training=True) if autoencoder.corruption else None,
        xla=xla,
    )


def trains_with_xla(level: LevelTraining, rows: Rows, steps: int) -> bool:
    """Whether a level that trains on rows (rows, features) for `steps` steps does so with XLA.

    Where it is faster, unless the level is too small for the measuring to be worth it, or several
    GPUs train it together.
    """
    batch_size, features = min(level.batch_size, len(rows)), rows.shape[1]
    # Two products forward and three backward, each of batch x features x units multiplications.
    small = steps * batch_size * 10.0 * features * level.units < WORTH_MEASURING
    if small or tf.distribute.get_strategy().num_replicas_in_sync > 1:
        return False
    together = steps_together(batch_size, [tf.TensorSpec((None, features), tf.float32)])
    sample = rows[: together * batch_size]
    settings = level.model_dump(
        mode="json", exclude={"epochs", "min_steps", "learning_rate", "batch_size", "retry"}
    )
    return faster_with_xla(
        ["level", settings, batch_size, features],
        lambda xla: trainer_of(
            build_autoencoder(level, sample, seed=0), batch_size, level.precision, xla
        ),
        shuffled_batches(len(sample), batch_size, seed=0),
        sample,
    )


def column_moments(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each column, float32 (columns,)."""
    mean, variance = moments(rows)
    return mean.astype(np.float32), variance.astype(np.float32)
