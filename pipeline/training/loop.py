"""Compiled training: many steps in one call, batches gathered from rows that stay in memory.

Keras's layers, losses and optimizers do the maths. A block of steps is one TensorFlow function, so
that Python is entered once a block, not once a step.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from pipeline.training.turns import TURNS

BLOCK_STEPS = 100
XLA_STEPS = 25
"""At most that many steps run in one XLA program, on at most that many bytes of rows:"""
XLA_BYTES = 2**25


class DivergedError(RuntimeError):
    """The loss is no longer a finite number."""

    def __init__(self, message: str, step: int):
        super().__init__(message)
        self.step = step
        """Of the steps that were run together, the first whose loss was none, from 1."""


class ParameterGroup(NamedTuple):
    """Variables that share an optimizer and so a learning rate."""

    optimizer: keras.optimizers.Optimizer
    variables: list[keras.Variable]


class Trainer:
    """Runs training steps: gather a batch, differentiate the loss, let each group's optimizer step.

    Arguments:
      loss: from one gathered batch per array, then the whole arrays, to a scalar.
      groups: the parameter groups; their optimizers are built here.
      arrays: a tensor spec for each array to gather from, first dimension None.
      batch_size: rows of a batch, or None when it may differ between calls.
      whole: a tensor spec for each array that the loss is given as it is.
      corrupt: if given, the loss gets what this makes of the first array's batch before all else.
      xla: compile all but gathering and corruption with XLA. Needs a batch size.
    """

    def __init__(
        self,
        loss: Callable[..., tf.Tensor],
        groups: Sequence[ParameterGroup],
        arrays: Sequence[tf.TensorSpec],
        batch_size: int | None = None,
        whole: Sequence[tf.TensorSpec] = (),
        corrupt: Callable[[tf.Tensor], tf.Tensor] | None = None,
        xla: bool = False,
    ):
        self.groups = list(groups)
        for group in self.groups:
            group.optimizer.build(group.variables)
        self._strategy = tf.distribute.get_strategy()
        # AutoGraph has nothing to convert in them, and warns where it cannot.
        unconverted = tf.autograph.experimental.do_not_convert
        self._loss = unconverted(loss)
        self._corrupt = unconverted(corrupt) if corrupt else None
        self._gathered = len(arrays)
        if xla:
            assert batch_size
            self._length = steps_together(batch_size, arrays)
            self._compiled = tf.function(self._batch_by_batch, jit_compile=True)
        steps = self._steps_in_parts if xla else self._step_by_step

        def block(batches, rates, *given):
            nothing = tf.constant(0.0), tf.constant(0)
            total, finite = steps(nothing, batches, rates, given)
            return total / tf.cast(tf.shape(batches)[0], tf.float32), finite

        self._block = tf.function(
            block,
            input_signature=[
                tf.TensorSpec((None, batch_size), tf.int32),
                tf.TensorSpec((None, len(self.groups)), tf.float32),
                *arrays,
                *whole,
            ],
        )

    @property
    def optimizer_variables(self) -> list[keras.Variable]:
        """Moments and step counts of all groups."""
        return [variable for group in self.groups for variable in group.optimizer.variables]

    def reset(self) -> None:
        """Forget the optimizers' moments and step counts."""
        for variable in self.optimizer_variables:
            variable.assign(tf.zeros_like(variable.value))

    def run(self, batches: np.ndarray, rates: np.ndarray, *arrays: tf.Tensor) -> float:
        """Run one step per row of `batches` (steps, batch size); give back the mean loss.

        `rates` (steps, groups) are the learning rates; `arrays` are in the order of the specs.
        Raises `DivergedError` for a loss that is not finite.
        """
        with TURNS.training():
            loss, finite = self._block(batches.astype("int32"), rates.astype("float32"), *arrays)
            mean = float(loss)  # waits for the steps
        if not np.isfinite(mean):
            message = f"the training loss became {mean}; lower the learning rate."
            raise DivergedError(message, int(finite) + 1)
        return mean

    def _step(self, totals, batch, whole, rates):
        """One step; totals are the sum of the losses and the steps for which it was finite."""
        total, finite = totals
        for index, group in enumerate(self.groups):
            group.optimizer.learning_rate.assign(rates[index])
        if self._strategy.num_replicas_in_sync > 1:
            shares = self._strategy.run(self._descend_on_share, (batch, whole))
            value = self._strategy.reduce("SUM", shares, axis=None)
        else:
            value = self._descend(batch, whole)
        total += value
        return total, finite + tf.cast(tf.math.is_finite(total), tf.int32)

    def _descend(self, batch, whole, share=1.0):
        """Go down the gradient of this share of the loss; several devices add up theirs."""
        variables = [variable for group in self.groups for variable in group.variables]
        with tf.GradientTape() as tape:
            value = share * self._loss(*batch, *whole)
        gradients = iter(tape.gradient(value, [variable.value for variable in variables]))
        for group in self.groups:
            group.optimizer.apply([next(gradients) for _ in group.variables], group.variables)
        return value

    def _descend_on_share(self, batch, whole):
        """The same on one of several devices, which takes every n-th row of the batch."""
        device = tf.distribute.get_replica_context()
        first, of_all = device.replica_id_in_sync_group, device.num_replicas_in_sync
        mine = [part[first::of_all] for part in batch]
        share = tf.shape(mine[0])[0] / tf.shape(batch[0])[0]
        return self._descend(mine, whole, tf.cast(share, tf.float32))

    def _step_by_step(self, totals, batches, rates, given):
        for step in tf.range(tf.shape(batches)[0]):
            batch = [tf.gather(array, batches[step]) for array in given[: self._gathered]]
            corrupted = [self._corrupt(batch[0])] if self._corrupt else []
            totals = self._step(totals, corrupted + batch, given[self._gathered :], rates[step])
        return totals

    def _steps_in_parts(self, totals, batches, rates, given):
        """The same with XLA, which gets the batches of a part of the steps ready-made."""
        for start in tf.range(0, tf.shape(batches)[0], self._length):
            steps = tf.minimum(self._length, tf.shape(batches)[0] - start)
            here = self._part(batches, start)
            gathered = [tf.gather(array, here) for array in given[: self._gathered]]
            corrupted = []
            if self._corrupt:
                corrupted = [self._each(self._corrupt, gathered[0], steps)]
            whole = given[self._gathered :]
            totals = self._compiled(
                totals, corrupted + gathered, whole, self._part(rates, start), steps
            )
        return totals

    def _batch_by_batch(self, totals, batches, whole, rates, steps):
        for step in tf.range(steps):
            totals = self._step(totals, [part[step] for part in batches], whole, rates[step])
        return totals

    def _part(self, of_steps, start):
        """What belongs to a part of the steps; zeros after the last, for XLA needs one shape."""
        part = of_steps[start : start + self._length]
        part = tf.pad(part, [[0, self._length - tf.shape(part)[0]], [0, 0]])
        return tf.ensure_shape(part, (self._length, of_steps.shape[1]))

    def _each(self, function, batches, steps):
        """The function of the first that many batches; zeros for the others."""
        results = tf.TensorArray(batches.dtype, self._length, element_shape=batches.shape[1:])
        for step in tf.range(steps):
            results = results.write(step, function(batches[step]))
        return results.stack()


def steps_together(batch_size: int, arrays: Sequence[tf.TensorSpec]) -> int:
    """How many steps' batches are gathered at once for XLA."""
    row = sum(math.prod(array.shape[1:]) * array.dtype.size for array in arrays)
    return min(XLA_STEPS, max(1, XLA_BYTES // (batch_size * row)))


def shuffled_batches(rows: int, batch_size: int, seed: int) -> np.ndarray:
    """Indices (steps, batch size) of one epoch; rows that fill no batch are left out of it."""
    size = min(batch_size, rows)
    order = np.random.default_rng(seed).permutation(rows)
    return order[: rows // size * size].reshape(-1, size)


def blocks(batches: np.ndarray) -> Iterator[slice]:
    """Slices of at most `BLOCK_STEPS` steps, so that progress can be reported between them."""
    for start in range(0, len(batches), BLOCK_STEPS):
        yield slice(start, min(start + BLOCK_STEPS, len(batches)))
