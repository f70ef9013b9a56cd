"""One level of the stack: the autoencoder that its config describes, and what trains it."""

from functools import partial

import keras
import numpy as np
import tensorflow as tf

from layers import (
    BatchTopK,
    GaussianCorruption,
    JumpReLU,
    KLDivergence,
    L1Penalty,
    LifetimeSparsity,
    Masking,
    SaltAndPepper,
    SparseAutoencoder,
    TopK,
)
from pipeline.config import corruption as c
from pipeline.config import sparsity as s
from pipeline.config.level import LevelTraining
from pipeline.config.untrained import UntrainedLevel
from pipeline.data.rows.streamed import Rows, moments
from pipeline.seeds import derive
from pipeline.training.acceleration import faster_with_xla
from pipeline.training.loop import (
    ParameterGroup,
    Trainer,
    fused,
    multiplying_in,
    shuffled_batches,
    steps_together,
)

WORTH_MEASURING = 8e11
"""Floating-point operations of a level's products, some fifteen seconds of two cores. XLA compiles
for two seconds, which smaller levels hardly win back."""


def build_autoencoder(level: LevelTraining, rows: Rows, seed: int) -> SparseAutoencoder:
    """The autoencoder of a level, with weights, its decoder's bias at the mean of the rows."""
    mean, variance = column_moments(rows)
    autoencoder = SparseAutoencoder(
        level.units,
        activation=level.activation,
        sparsity=_sparsity(level.sparsity),
        corruption=corruption_layer(level.corruption, derive(seed, "corruption")),
        tied=level.tied,
        decoder_activation=level.decoder_activation,
        unit_norm_decoder=level.unit_norm_decoder,
        loss=level.loss,
        feature_variance=float(max(variance.mean(), 1e-12)),
        seed=derive(seed, "weights"),
        name="autoencoder",
    )
    autoencoder.build((None, rows.shape[1]))
    if level.decoder_activation == "sigmoid":
        inside = np.clip(mean, 0.01, 0.99)
        mean = np.log(inside / (1 - inside))
    autoencoder.decoder.bias.assign(mean)
    return autoencoder


def untrained_autoencoder(level: UntrainedLevel, features: int, seed: int) -> SparseAutoencoder:
    """An autoencoder as it is before any training, of rows about which nothing is known."""
    autoencoder = SparseAutoencoder(
        level.units,
        activation=level.activation,
        sparsity=_sparsity(level.sparsity),
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
    """What trains the autoencoder, with Adam, on batches of so many rows."""
    features = autoencoder.encoder.kernel.shape[0]
    searches = isinstance(autoencoder.sparsity, TopK | BatchTopK | LifetimeSparsity)

    def loss(*batch: tf.Tensor) -> tf.Tensor:
        with (
            fused(autoencoder.sparsity if searches else None),
            multiplying_in(precision, [autoencoder.encoder, autoencoder.decoder]),
        ):
            autoencoder(batch[-1], corrupted=batch[0], training=True)
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
    """Whether a level that trains on rows (rows, features) for so many steps does so with XLA.

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


def corruption_layer(corruption: c.Corruption, seed: int) -> keras.layers.Layer | None:
    """The layer that corrupts rows while training, or None."""
    match corruption:
        case c.NoCorruption():
            return None
        case c.MaskingNoise(share=share):
            return Masking(share, seed)
        case c.GaussianNoise(stddev=stddev):
            return GaussianCorruption(stddev, seed)
        case c.SaltAndPepperNoise(share=share):
            return SaltAndPepper(share, seed)


def column_moments(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each column, float32 (columns,)."""
    mean, variance = moments(rows)
    return mean.astype(np.float32), variance.astype(np.float32)


def _sparsity(sparsity: s.Sparsity) -> keras.layers.Layer | None:
    match sparsity:
        case s.NoSparsity():
            return None
        case s.L1(weight=weight):
            return L1Penalty(weight)
        case s.KL(proportion=proportion, weight=weight):
            return KLDivergence(proportion, weight)
        case s.TopKLimit(k=k):
            return TopK(k)
        case s.BatchTopKLimit(k=k):
            return BatchTopK(k)
        case s.Lifetime(proportion=proportion):
            return LifetimeSparsity(proportion)
        case s.JumpReLUPenalty(weight=weight, bandwidth=bandwidth, initial_threshold=threshold):
            return JumpReLU(weight, bandwidth, threshold)
