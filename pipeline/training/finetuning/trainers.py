"""What trains an attempt: the head alone on codes, or the whole network on rows."""

import math
from collections.abc import Sequence
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from pipeline.config.finetune import Attempt, HeadTraining, NetworkTraining
from pipeline.config.untrained import UntrainedLevel
from pipeline.tasks.task import Task
from pipeline.training.acceleration import faster_with_xla
from pipeline.training.finetuning.network import Network
from pipeline.training.finetuning.objective import (
    HeadObjective,
    NetworkObjective,
    reads_unlabelled,
)
from pipeline.training.loop import ParameterGroup, Trainer, steps_together

WORTH_MEASURING = 1e8
"""Floating-point operations of a step's products, some milliseconds: the trials of a run have tens
of thousands of steps, and measuring takes some seconds."""


class Trainers:
    """The objectives and trainers of one network: each is made once, and serves all trials."""

    def __init__(
        self,
        training: HeadTraining,
        network: Network,
        stack: Sequence[UntrainedLevel],
        task: Task,
        columns: Sequence[int],
        weighed: bool,
        decoder: keras.Sequential | None,
    ):
        """`stack` is what the network was built of.

        `columns` says of each feature which column it is of; `weighed`: rows have weights.
        `decoder` is needed where unlabelled rows are to be reconstructed.
        """
        self._training = training
        self._network = network
        self._task = task
        self._decoder = decoder
        features = network.model.input_shape[1]
        units, outputs = network.head.kernel.shape
        self._rows = tf.TensorSpec((None, features), tf.float32)
        self._codes = tf.TensorSpec((None, units), tf.float32)
        weights = [tf.TensorSpec((None,), tf.float32)] if weighed else []
        self._beside = [task.spec(outputs), *weights]
        self._objectives = {
            (attempt.trains_head, attempt.dropout): self._new_objective(attempt, columns, weighed)
            for attempt in training.attempts()
        }
        self._xla = self._trains_with_xla(stack)
        self._made: dict[tuple[bool, float, float, int | None], Trainer] = {}

    def objective(self, attempt: Attempt) -> HeadObjective:
        """What is minimised."""
        return self._objectives[attempt.trains_head, attempt.dropout]

    def trainer(self, attempt: Attempt, batch_size: int) -> Trainer:
        """What trains; with XLA there is one for each size of batches."""
        size = batch_size if self._xla and not attempt.trains_head else None
        key = (attempt.trains_head, attempt.dropout, attempt.weight_decay, size)
        if key not in self._made:
            self._made[key] = self._new_trainer(attempt, size, size is not None)
        return self._made[key]

    def _new_objective(
        self, attempt: Attempt, columns: Sequence[int], weighed: bool
    ) -> HeadObjective:
        training = self._training.model_copy(update={"dropout": attempt.dropout})
        if attempt.trains_head or not isinstance(training, NetworkTraining):
            return HeadObjective(training, self._network, self._task, weighed)
        return NetworkObjective(
            training, self._network, self._decoder, self._task, columns, weighed
        )

    def _new_trainer(self, attempt: Attempt, batch_size: int | None, xla: bool) -> Trainer:
        loss, network = self.objective(attempt).loss, self._network
        if attempt.trains_head:
            groups = [_group(attempt.weight_decay, network.head)]
            return Trainer(loss, groups, [self._codes, *self._beside], batch_size)
        with_head = [network.head, *([self._decoder] if self._decoder else [])]
        groups = [
            _group(attempt.weight_decay, network.encoder),
            _group(attempt.weight_decay, *with_head),
        ]
        whole = [self._rows] if reads_unlabelled(self._training) else []
        return Trainer(loss, groups, [self._rows, *self._beside], batch_size, whole, xla=xla)

    def _trains_with_xla(self, stack: Sequence[UntrainedLevel]) -> bool:
        """Whether XLA is faster, for networks large enough to be worth the measuring.

        Not where the loss draws random numbers: with XLA they are slow, and other ones.
        """
        attempt, batch_size = self._training.attempts()[-1], self._training.batch_size
        size = sum(math.prod(v.shape) for v in self._network.model.trainable_variables)
        if attempt.trains_head or 6.0 * batch_size * size < WORTH_MEASURING:
            return False
        if any(objective.draws for objective in self._objectives.values()):
            return False
        steps = steps_together(batch_size, [self._rows, *self._beside])
        batches = np.arange(steps * batch_size).reshape(steps, batch_size)
        rows = np.random.default_rng(0).random((batches.size, self._rows.shape[1]), np.float32)
        spec, *weighed = self._beside
        targets = np.zeros((batches.size, *spec.shape[1:]), spec.dtype.name)
        shape = [
            "fine-tuning",
            self._task.kind,
            [level.model_dump(mode="json") for level in stack],
            [*rows.shape],
            [*targets.shape],
        ]
        trainer_of = partial(self._new_trainer, attempt, batch_size)
        weights = [np.ones(batches.size, np.float32) for _ in weighed]
        return faster_with_xla(shape, trainer_of, batches, rows, targets, *weights)


def _group(decay: float, *parts: keras.layers.Layer) -> ParameterGroup:
    optimizer = keras.optimizers.AdamW(weight_decay=decay)
    return ParameterGroup(optimizer, [v for part in parts for v in part.trainable_variables])
