"""Pretraining one level: a sparse autoencoder on the rows, or on the codes of the level below."""

from collections.abc import Iterator
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from layers import SparseAutoencoder, revive
from pipeline.config.level import LevelTraining
from pipeline.data.rows.aligned import aligned_empty
from pipeline.data.rows.streamed import Rows, StreamedRows
from pipeline.seeds import derive
from pipeline.training.batches import windows_of
from pipeline.training.checkpoint import Checkpoint, Position
from pipeline.training.compute import pretraining_epochs
from pipeline.training.loop import DivergedError, blocks
from pipeline.training.pretraining.level import (
    build_autoencoder,
    column_moments,
    trainer_of,
    trains_with_xla,
)
from pipeline.training.progress import Progress, Watch

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
    xla: bool
    """Whether XLA compiled the steps."""


def pretrain(
    level: LevelTraining,
    rows: Rows,
    validation: Rows,
    seed: int,
    watch: Watch,
    checkpoint: Checkpoint | None = None,
) -> Pretrained:
    """Train one sparse autoencoder on rows (rows, features), float32.

    After each epoch its metrics are measured on clean validation rows (at most 5,000) and, during
    the first half, dead units are revived. Where rows are to be standardised, the epochs' metrics
    are of standardised rows, the last ones not. A checkpoint is written at the end of an epoch, and
    of rows on disk at the end of a window; if there is one, training goes on from it, tells `watch`
    of the epochs before, and ends with the same weights as if it had never stopped. When the loss
    is no longer finite, training goes on once from the last epoch at a tenth of the rate if the
    level says `retry`; else `DivergedError`.
    """
    if level.standardize:
        return _pretrain_standardized(level, rows, validation, seed, watch, checkpoint)
    autoencoder = build_autoencoder(level, rows, seed)
    batch_size = min(level.batch_size, len(rows))
    windows = windows_of(rows, batch_size)
    steps = windows.steps
    epochs = pretraining_epochs(level, len(rows))
    measured = validation[:MEASURED_ROWS]
    sample = rows[:MEASURED_ROWS]
    xla = trains_with_xla(level, rows, steps * epochs)
    trainer = trainer_of(autoencoder, batch_size, level.precision, xla)
    measure = _compiled_measure(autoencoder)
    rates = _constant_then_linear(level.learning_rate, steps * epochs)

    def tell(epoch: int, step: int, loss: float, metrics: dict[str, float] | None) -> None:
        done = epoch * steps + step
        watch(Progress(done, steps * epochs, done * batch_size, loss, epoch + 1, epochs, metrics))

    slowed = keras.Variable(1.0, trainable=False)
    state = [*autoencoder.variables, *trainer.optimizer_variables, slowed]
    told, losses, step = checkpoint.load(state) if checkpoint else Position([], [], 0)
    for epoch, (loss, metrics) in enumerate(told):
        tell(epoch, steps, loss, metrics)
    while (epoch := len(told)) < epochs:
        good = [keras.ops.convert_to_numpy(variable) for variable in state] if level.retry else []
        if level.revive and step == 0 and 0 < 2 * epoch <= epochs:
            revive(autoencoder, sample, derive(seed, "revive", epoch))
        of_epoch = rates[epoch * steps : (epoch + 1) * steps] * float(slowed.numpy())
        first = step // windows.window_steps
        try:
            for window in windows.epoch(derive(seed, "epoch", epoch), first):
                # A retry begins with the epoch anew, so that it needs what was at its beginning.
                if checkpoint and step and not level.retry:
                    checkpoint.save(state, Position(told, losses, step))
                for block in blocks(window.batches):
                    batches = window.batches[block]
                    here = slice(step, step + len(batches))
                    losses.append(trainer.run(batches, of_epoch[here], window.rows))
                    step = here.stop
                    if step < steps:
                        tell(epoch, step, losses[-1], None)
        except DivergedError as error:
            if not level.retry or float(slowed.numpy()) < 1:
                raise _told_where(error, epoch, steps, step, level.retry) from error
            for variable, value in zip(state, good, strict=True):
                variable.assign(value)
            slowed.assign(RETRY_RATE)
            losses, step = [], 0
            continue
        told.append((float(np.mean(losses)), measure(measured)))
        losses, step = [], 0
        if checkpoint:
            checkpoint.save(state, Position(told, losses, step))
        tell(epoch, steps, *told[-1])
    return Pretrained(autoencoder, told[-1][1], epochs, xla)


def _told_where(
    error: DivergedError, epoch: int, steps: int, done: int, retried: bool
) -> DivergedError:
    step = epoch * steps + done + error.step
    good = f"the last good epoch is {epoch}" if epoch else "no epoch was good"
    cure = "" if retried else " or set the level's `retry`"
    return DivergedError(
        f"step {step} (epoch {epoch + 1}): {str(error).rstrip('.')}{cure}; {good}.", step
    )


def encode(
    autoencoder: SparseAutoencoder, rows: Rows, passes_on: str = "activations"
) -> np.ndarray:
    """What a level passes on for rows (rows, features): activations or code, (rows, units)."""
    return np.concatenate(list(encoded(autoencoder, rows, passes_on)))


def encoded(
    autoencoder: SparseAutoencoder, rows: Rows, passes_on: str = "activations"
) -> Iterator[np.ndarray]:
    """The same in parts, of which each is in memory alone."""
    layer = tf.function(
        autoencoder.encode if passes_on == "code" else autoencoder.encoder,
        input_signature=[tf.TensorSpec((None, rows.shape[1]), tf.float32)],
    )
    for start in range(0, len(rows), ENCODED_ROWS):
        yield layer(rows[start : start + ENCODED_ROWS]).numpy()


def _pretrain_standardized(
    level: LevelTraining,
    rows: Rows,
    validation: Rows,
    seed: int,
    watch: Watch,
    checkpoint: Checkpoint | None,
) -> Pretrained:
    offset, variance = column_moments(rows)
    scale = np.maximum(np.sqrt(variance), LEAST_DEVIATION)
    inner = level.model_copy(update={"standardize": False})

    def standard(given: Rows) -> Rows:
        if isinstance(given, StreamedRows):
            return given.changed(lambda block: (block - offset) / scale, given.shape[1])
        standardized = aligned_empty(given.shape, given.dtype)
        np.subtract(given, offset, out=standardized)
        return np.divide(standardized, scale, out=standardized)

    result = pretrain(inner, standard(rows), standard(validation), seed, watch, checkpoint)
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


def _compiled_measure(autoencoder: SparseAutoencoder):
    """A function from rows to the autoencoder's metrics on them, clean and outside training."""

    begin = tf.function(autoencoder.reset_metrics)
    results = tf.function(autoencoder.get_metrics_result)

    @tf.function(input_signature=[tf.TensorSpec((None, autoencoder.encoder.kernel.shape[0]))])
    def take_in(rows):
        autoencoder.compute_metrics(rows, None, autoencoder(rows))

    def measure(rows: np.ndarray) -> dict[str, float]:
        begin()
        for start in range(0, len(rows), ENCODED_ROWS):
            take_in(rows[start : start + ENCODED_ROWS])
        return {name: float(value) for name, value in results().items()}

    return measure


def _constant_then_linear(rate: float, steps: int) -> np.ndarray:
    """Learning rates (steps, 1): constant for the first half, then linearly to zero."""
    share_left = 1 - np.arange(steps) / steps
    return (rate * np.minimum(1, 2 * share_left))[:, None]
