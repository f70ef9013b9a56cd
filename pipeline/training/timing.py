"""How fast this machine trains a level or a trial: a few steps of the real networks, timed."""

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipeline.config.finetune import HeadTraining, NetworkTraining
from pipeline.config.level import LevelTraining
from pipeline.config.untrained import UntrainedLevel
from pipeline.data.trial_rows import Parts
from pipeline.tasks.task import Task
from pipeline.training.compute import pretraining_epochs
from pipeline.training.finetuning.finetune import Finetuner
from pipeline.training.finetuning.network import random_autoencoders
from pipeline.training.pretraining.pretrain import MEASURED_ROWS, pretrain
from pipeline.training.progress import Progress

STEPS = 20
"""Timed together."""
MORE_STEPS = 100
"""Of a trial, whose steps are short."""
FORWARD = 1 / 3
"""Of a training step, which multiplies forward, and twice backward."""


class Speed(NamedTuple):
    """How long training takes."""

    begin: float
    """Seconds before the first step: building and compiling; of a trial all but its steps."""
    step: float
    """Seconds of a step."""


def level_speed(level: LevelTraining, features: int, rows: int) -> Speed:
    """Time a level on random rows (rows, features), of which there are as few as will do."""
    batch = min(level.batch_size, rows)
    short = level.model_copy(update={"epochs": 3, "min_steps": 1})
    random = np.random.default_rng(0).random((STEPS * batch, features), np.float32)
    ends: list[float] = []

    def watch(progress: Progress) -> None:
        if progress.metrics is not None:
            ends.append(time.perf_counter())

    began = time.perf_counter()
    pretrain(short, random, random[:batch], 0, watch)
    epoch = min(np.diff(ends))  # the first one compiles
    return Speed(float(ends[0] - began - epoch), float(epoch / STEPS))


def level_seconds(level: LevelTraining, speed: Speed, rows: int) -> float:
    """How long a level takes on that many rows.

    After an epoch metrics are measured, and in the first half of the epochs units revived, each on
    at most `MEASURED_ROWS` rows.
    """
    batch = min(level.batch_size, rows)
    passes = 1.5 if level.revive else 1.0
    measuring = passes * FORWARD * min(rows, MEASURED_ROWS) / batch
    return speed.begin + pretraining_epochs(level, rows) * (rows // batch + measuring) * speed.step


def trial_speed(
    training: HeadTraining,
    network: Sequence[UntrainedLevel],
    outputs: int,
    task: Task,
    parts: Parts,
) -> Speed:
    """Time a trial on its rows, with a few steps in place of all."""
    features = parts.unlabelled.shape[1]
    update: dict[str, object] = {"epochs": 1, "min_steps": STEPS, "also_tried": ()}
    if isinstance(training, NetworkTraining):
        update["encoder_rates"] = (max(training.encoder_rates),)
    short = training.model_copy(update=update)
    finetuner = Finetuner(short, network, features, outputs, task)
    autoencoders = random_autoencoders(tuple(network), features, 0)
    without_refit = parts._replace(refit=None)

    def seconds(more: int) -> float:
        began = time.perf_counter()
        finetuner.run(autoencoders, without_refit, 0, lambda _: None, more)
        return time.perf_counter() - began

    seconds(0)  # compiles
    few = min(seconds(0) for _ in range(2))
    labels = len(parts.train.rows)
    per_epoch = max(1, labels // short.batch_size)
    more = per_epoch * -(-MORE_STEPS // per_epoch)
    step = max(min(seconds(more) for _ in range(2)) - few, 0.0) / more
    return Speed(max(few - trial_steps(short, labels) * step, 0.0), step)


def trial_steps(training: HeadTraining, labels: int, more: int = 0) -> int:
    """Steps of one trial: of all that is tried."""
    per_epoch = max(1, labels // training.batch_size)
    attempts = training.attempts()
    networks = sum(not attempt.trains_head for attempt in attempts)
    epochs = max(training.epochs, math.ceil(training.min_steps / per_epoch))
    more_epochs = networks and more // networks // per_epoch
    return per_epoch * (len(attempts) * epochs + networks * more_epochs)
