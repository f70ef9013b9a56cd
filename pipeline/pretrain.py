"""Pretraining one level: a sparse autoencoder on the rows, or on the codes of the level below."""

from typing import NamedTuple

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
    revive,
)
from pipeline import config as c
from pipeline.checkpoint import Checkpoint
from pipeline.compute import pretraining_epochs
from pipeline.engine import (
    BLOCK_STEPS,
    DivergedError,
    ParameterGroup,
    Progress,
    Trainer,
    Watch,
    blocks,
    fused,
    shuffled_batches,
)
from pipeline.seeds import derive

MEASURED_ROWS = 5000
ENCODED_ROWS = 4096
RETRY_RATE = 0.1
"""Of the learning rate, what training that diverged goes on with."""
LEAST_DEVIATION = 1e-3
"""A column that varies less is standardised as if it varied so much."""


class Pretrained(NamedTuple):
    """What pretraining one level gives."""

    autoencoder: SparseAutoencoder
    metrics: dict[str, float]
    """Measured on the validation rows after the last epoch."""
    epochs: int
    """How many there were."""


def pretrain(
    level: c.LevelConfig,
    rows: np.ndarray,
    validation: np.ndarray,
    seed: int,
    watch: Watch,
    checkpoint: Checkpoint | None = None,
) -> Pretrained:
    """Train one sparse autoencoder on rows (rows, features), float32.

    After each epoch its metrics are measured on clean validation rows (at most 5,000) and, during
    the first half, dead units are revived. Where rows are to be standardised, the epochs' metrics
    are of standardised rows, the last ones not. A checkpoint is written at the end of an epoch; if
    there is one, training goes on from it, tells `watch` of the epochs before, and ends with the
    same weights as if it had never stopped. When the loss is no longer finite, training goes on
    once from the last epoch at a tenth of the rate if the level says `retry`; else `DivergedError`.
    """
    if level.standardize:
        return _pretrain_standardized(level, rows, validation, seed, watch, checkpoint)
    autoencoder = build_autoencoder(level, rows, seed)
    batch_size = min(level.batch_size, len(rows))
    trainer = trainer_of(autoencoder, batch_size)
    resident = tf.constant(rows)
    measured = validation[:MEASURED_ROWS]
    sample = rows[:MEASURED_ROWS]
    measure = _compiled_measure(autoencoder)
    steps = len(rows) // batch_size
    epochs = pretraining_epochs(level, len(rows))
    rates = _constant_then_linear(level.learning_rate, steps * epochs)

    def tell(epoch: int, step: int, loss: float, metrics: dict[str, float] | None) -> None:
        done = epoch * steps + step
        watch(Progress(done, steps * epochs, done * batch_size, loss, epoch + 1, epochs, metrics))

    slowed = keras.Variable(1.0, trainable=False)
    state = [*autoencoder.variables, *trainer.optimizer_variables, slowed]
    told = checkpoint.load(state) if checkpoint else []
    for epoch, (loss, metrics) in enumerate(told):
        tell(epoch, steps, loss, metrics)
    while (epoch := len(told)) < epochs:
        good = [keras.ops.convert_to_numpy(variable) for variable in state] if level.retry else []
        if level.revive and 0 < 2 * epoch <= epochs:
            revive(autoencoder, sample, derive(seed, "revive", epoch))
        batches = shuffled_batches(len(rows), level.batch_size, derive(seed, "epoch", epoch))
        of_epoch = rates[epoch * steps : (epoch + 1) * steps] * float(slowed)
        losses: list[float] = []
        try:
            for block in blocks(batches):
                losses.append(trainer.run(batches[block], of_epoch[block], resident))
                if block.stop < steps:
                    tell(epoch, block.stop, losses[-1], None)
        except DivergedError as error:
            if not level.retry or float(slowed) < 1:
                raise _told_where(error, epoch, steps, len(losses), level.retry) from error
            for variable, value in zip(state, good, strict=True):
                variable.assign(value)
            slowed.assign(RETRY_RATE)
            continue
        told.append((float(np.mean(losses)), measure(measured)))
        if checkpoint:
            checkpoint.save(state, told)
        tell(epoch, steps, *told[-1])
    return Pretrained(autoencoder, told[-1][1], epochs)


def _told_where(
    error: DivergedError, epoch: int, steps: int, blocks_done: int, retried: bool
) -> DivergedError:
    step = epoch * steps + blocks_done * BLOCK_STEPS + error.step
    good = f"the last good epoch is {epoch}" if epoch else "no epoch was good"
    cure = "" if retried else " or set the level's `retry`"
    return DivergedError(
        f"step {step} (epoch {epoch + 1}): {str(error).rstrip('.')}{cure}; {good}.", step
    )


def trainer_of(autoencoder: SparseAutoencoder, batch_size: int) -> Trainer:
    """What trains the autoencoder, with Adam, on batches of so many rows."""
    features = autoencoder.encoder.kernel.shape[0]
    return Trainer(
        lambda batch: _loss(autoencoder, batch),
        [ParameterGroup(keras.optimizers.Adam(), autoencoder.trainable_variables)],
        [tf.TensorSpec((None, features), tf.float32)],
        batch_size,
    )


def encode(
    autoencoder: SparseAutoencoder, rows: np.ndarray, passes_on: str = "activations"
) -> np.ndarray:
    """What a level passes on for rows (rows, features): activations or code, (rows, units)."""
    layer = tf.function(
        autoencoder.encode if passes_on == "code" else autoencoder.encoder,
        input_signature=[tf.TensorSpec((None, rows.shape[1]), tf.float32)],
    )
    passed_on = np.empty((len(rows), autoencoder.units), "float32")
    for start in range(0, len(rows), ENCODED_ROWS):
        passed_on[start : start + ENCODED_ROWS] = layer(rows[start : start + ENCODED_ROWS])
    return passed_on


def build_autoencoder(level: c.LevelConfig, rows: np.ndarray, seed: int) -> SparseAutoencoder:
    """The autoencoder of a level, with weights, its decoder's bias at the mean of the rows."""
    autoencoder = SparseAutoencoder(
        level.units,
        activation=level.activation,
        sparsity=_sparsity(level.sparsity),
        corruption=corruption_layer(level.corruption, derive(seed, "corruption")),
        tied=level.tied,
        decoder_activation=level.decoder_activation,
        unit_norm_decoder=level.unit_norm_decoder,
        loss=level.loss,
        feature_variance=float(max(rows.var(axis=0).mean(), 1e-12)),
        seed=derive(seed, "weights"),
        name="autoencoder",
    )
    autoencoder.build((None, rows.shape[1]))
    mean = rows.mean(axis=0)
    if level.decoder_activation == "sigmoid":
        inside = np.clip(mean, 0.01, 0.99)
        mean = np.log(inside / (1 - inside))
    autoencoder.decoder.bias.assign(mean)
    return autoencoder


def _pretrain_standardized(
    level: c.LevelConfig,
    rows: np.ndarray,
    validation: np.ndarray,
    seed: int,
    watch: Watch,
    checkpoint: Checkpoint | None,
) -> Pretrained:
    offset, scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), LEAST_DEVIATION)
    inner = level.model_copy(update={"standardize": False})
    standard = (rows - offset) / scale
    result = pretrain(inner, standard, (validation - offset) / scale, seed, watch, checkpoint)
    _take_in(result.autoencoder, offset, scale)
    metrics = _compiled_measure(result.autoencoder)(validation[:MEASURED_ROWS])
    return result._replace(metrics=metrics)


def _take_in(autoencoder: SparseAutoencoder, offset: np.ndarray, scale: np.ndarray) -> None:
    """Let an autoencoder of (rows - offset) / scale read and give back the rows themselves."""
    encoder, decoder = autoencoder.encoder, autoencoder.decoder
    kernel, bias = encoder.get_weights()
    encoder.set_weights([kernel / scale[:, None], bias - (offset / scale) @ kernel])
    kernel, bias = decoder.get_weights()
    decoder.set_weights([kernel * scale, bias * scale + offset])


def _sparsity(sparsity: c.Sparsity) -> keras.layers.Layer | None:
    match sparsity:
        case c.NoSparsity():
            return None
        case c.L1(weight=weight):
            return L1Penalty(weight)
        case c.KL(proportion=proportion, weight=weight):
            return KLDivergence(proportion, weight)
        case c.TopKLimit(k=k):
            return TopK(k)
        case c.BatchTopKLimit(k=k):
            return BatchTopK(k)
        case c.Lifetime(proportion=proportion):
            return LifetimeSparsity(proportion)
        case c.JumpReLUPenalty(weight=weight, bandwidth=bandwidth, initial_threshold=threshold):
            return JumpReLU(weight, bandwidth, threshold)


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


def _loss(autoencoder: SparseAutoencoder, batch: tf.Tensor) -> tf.Tensor:
    searches = isinstance(autoencoder.sparsity, TopK | BatchTopK | LifetimeSparsity)
    with fused(autoencoder.sparsity if searches else None):
        autoencoder(batch, training=True)
    return tf.add_n(autoencoder.losses)


def _compiled_measure(autoencoder: SparseAutoencoder):
    """A function from rows to the autoencoder's metrics on them, clean and outside training."""

    @tf.function(input_signature=[tf.TensorSpec((None, autoencoder.encoder.kernel.shape[0]))])
    def take_in(rows):
        autoencoder.compute_metrics(rows, None, autoencoder(rows))

    def measure(rows: np.ndarray) -> dict[str, float]:
        autoencoder.reset_metrics()
        for start in range(0, len(rows), ENCODED_ROWS):
            take_in(rows[start : start + ENCODED_ROWS])
        return {metric.name: float(metric.result()) for metric in autoencoder.metrics}

    return measure


def _constant_then_linear(rate: float, steps: int) -> np.ndarray:
    """Learning rates (steps, 1): constant for the first half, then linearly to zero."""
    share_left = 1 - np.arange(steps) / steps
    return (rate * np.minimum(1, 2 * share_left))[:, None]
