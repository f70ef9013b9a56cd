"""Pretraining one level: a sparse autoencoder on the rows, or on the codes of the level below."""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from layers import SparseAutoencoder, revive
from pipeline.config.level import LevelTraining
from pipeline.data.rows.sample import sample
from pipeline.data.rows.streamed import Rows
from pipeline.seeds import derive
from pipeline.training.batches import windows_of
from pipeline.training.checkpoint import Checkpoint, EpochRecord, TrainingState
from pipeline.training.compute import pretraining_epochs
from pipeline.training.loop import DivergedError, blocks
from pipeline.training.pretraining.level import build_autoencoder, trainer_of, trains_with_xla
from pipeline.training.pretraining.standardize import Standardizing
from pipeline.training.pretraining.start import Start
from pipeline.training.progress import Progress, Watch
from pipeline.training.rates import constant_then_linear
from pipeline.training.stack import ENCODED_ROWS

MEASURED_ROWS = 5000
"""At most: the validation rows that metrics are of, and the training rows that revival looks at."""
RETRY_RATE = 0.1
"""Of the learning rate, what training that diverged goes on with."""


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
    start: Start | None = None,
    columns: Sequence[int] = (),
    categories: Sequence[range] = (),
) -> Pretrained:
    """Train one sparse autoencoder on rows (rows, features), float32.

    Its first weights are new ones, or those of `start`, which differs in the features alone; the
    optimizer begins anew in either case. `columns` says of each feature which column it is of, for
    noise that changes whole columns; where it is empty each feature is one. `categories` are the
    features of each category column, for a loss that goes by kind.

    After each epoch its metrics are measured on clean validation rows and, during the first half,
    dead units are revived; both on a random sample of at most 5,000 rows. Where the level
    standardises its rows, the metrics are of the model that reads the rows themselves, as it is
    given back. A checkpoint is written at the end of an epoch, and of rows on disk at the end of a
    window; if there is one, training goes on from it, reports the epochs before to `watch`, and
    ends with the same weights as if it had never stopped. When the loss is no longer finite,
    training goes on once from the last epoch at a tenth of the rate if the level says `retry`; else
    `DivergedError`.
    """
    standardizing = Standardizing.of(rows) if level.standardize else None
    if standardizing:
        rows = standardizing.apply(rows)
    autoencoder = kept = build_autoencoder(level, rows, seed, columns, categories)
    if start:
        start.give(autoencoder)
    if standardizing:
        kept = standardizing.copy_for_rows(autoencoder)
        if start:
            standardizing.unfold(autoencoder, start.now)
    measure = _compiled_measure(kept)
    validation_sample = sample(validation, MEASURED_ROWS, derive(seed, "validation"))
    revival_sample = sample(rows, MEASURED_ROWS, derive(seed, "revival")) if level.revive else None
    batch_size = min(level.batch_size, len(rows))
    windows = windows_of(rows, batch_size)
    steps = windows.steps
    epochs = pretraining_epochs(level, len(rows))
    xla = trains_with_xla(level, rows, steps * epochs)
    trainer = trainer_of(autoencoder, batch_size, level.precision, xla)
    rates = constant_then_linear(level.learning_rate, steps * epochs)

    def report(epoch: int, step: int, loss: float, metrics: dict[str, float] | None) -> None:
        done = epoch * steps + step
        total, seen, here = steps * epochs, done * batch_size, min(done, restored)
        watch(Progress(done, total, seen, loss, epoch + 1, epochs, metrics, here))

    slowed = keras.Variable(1.0, trainable=False)
    variables = [*autoencoder.variables, *trainer.optimizer_variables, slowed]
    history, losses, step = checkpoint.load(variables) if checkpoint else TrainingState([], [], 0)
    restored = len(history) * steps + step
    for epoch, record in enumerate(history):
        report(epoch, steps, record.loss, record.metrics)
    while (epoch := len(history)) < epochs:
        good = [keras.ops.convert_to_numpy(v) for v in variables] if level.retry else []
        if revival_sample is not None and step == 0 and 0 < 2 * epoch <= epochs:
            revive(autoencoder, revival_sample, derive(seed, "revive", epoch))
        of_epoch = rates[epoch * steps : (epoch + 1) * steps] * float(slowed.numpy())
        first = step // windows.window_steps
        try:
            for window in windows.epoch(derive(seed, "epoch", epoch), first):
                # A retry begins with the epoch anew, so that it needs what was at its beginning.
                if checkpoint and step and not level.retry:
                    checkpoint.save(variables, TrainingState(history, losses, step))
                for block in blocks(window.batches):
                    batches = window.batches[block]
                    here = slice(step, step + len(batches))
                    losses.append(trainer.run(batches, of_epoch[here], window.rows))
                    step = here.stop
                    if step < steps:
                        report(epoch, step, losses[-1], None)
        except DivergedError as error:
            if not level.retry or float(slowed.numpy()) < 1:
                raise _with_step(error, epoch, steps, step, level.retry) from error
            for variable, value in zip(variables, good, strict=True):
                variable.assign(value)
            slowed.assign(RETRY_RATE)
            losses, step = [], 0
            continue
        if standardizing:
            standardizing.fold(autoencoder, into=kept)
        history.append(EpochRecord(float(np.mean(losses)), measure(validation_sample)))
        losses, step = [], 0
        if checkpoint:
            checkpoint.save(variables, TrainingState(history, losses, step))
        report(epoch, steps, *history[-1])
    if standardizing:  # also where a checkpoint had every epoch
        standardizing.fold(autoencoder, into=kept)
    return Pretrained(kept, history[-1].metrics, epochs, xla)


def _with_step(
    error: DivergedError, epoch: int, steps: int, done: int, retried: bool
) -> DivergedError:
    """The error with the number of its step among all, and what may be done."""
    step = epoch * steps + done + error.step
    good = f"the last good epoch is {epoch}" if epoch else "no epoch was good"
    cure = "" if retried else " or set the level's `retry`"
    return DivergedError(
        f"step {step} (epoch {epoch + 1}): {str(error).rstrip('.')}{cure}; {good}.", step
    )


def _compiled_measure(autoencoder: SparseAutoencoder):
    """A function from rows to the autoencoder's metrics on them, clean and outside training."""

    begin = tf.function(autoencoder.reset_metrics)
    results = tf.function(autoencoder.get_metrics_result)

    @tf.function(input_signature=[tf.TensorSpec((None, autoencoder.encoder.kernel.shape[0]))])
    def add(rows):
        autoencoder.compute_metrics(rows, None, autoencoder(rows))

    def measure(rows: np.ndarray) -> dict[str, float]:
        begin()
        for start in range(0, len(rows), ENCODED_ROWS):
            add(rows[start : start + ENCODED_ROWS])
        return {name: float(value) for name, value in results().items()}

    return measure
