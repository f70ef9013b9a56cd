"""Compiled training: many steps in one call, batches gathered from rows that stay in memory.

Keras's layers, losses and optimizers do the maths. A block of steps is one TensorFlow function, so
that Python is entered once a block, not once a step.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

BLOCK_STEPS = 100


class Progress(NamedTuple):
    """What a watcher learns while a stage trains."""

    done: int
    """Training steps done."""
    total: int
    """Training steps in all."""
    rows: int
    """Rows seen by the steps done."""
    loss: float
    """Mean training loss of the steps since the last report."""
    epoch: int
    """Epoch (pretraining) or checkpoint (fine-tuning) that the steps belong to, from 1."""
    epochs: int
    """Epochs or checkpoints in all."""
    metrics: dict[str, float] | None
    """At the end of an epoch or checkpoint what was measured then, else None."""


Watch = Callable[[Progress], None]


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
      whole: a tensor spec for each array that the loss is given as it is.
      batch_size: rows of a batch, or None when it may differ between calls.
    """

    def __init__(
        self,
        loss: Callable[..., tf.Tensor],
        groups: Sequence[ParameterGroup],
        arrays: Sequence[tf.TensorSpec],
        batch_size: int | None = None,
        whole: Sequence[tf.TensorSpec] = (),
    ):
        self.groups = list(groups)
        for group in self.groups:
            group.optimizer.build(group.variables)
        variables = [variable for group in self.groups for variable in group.variables]
        sizes = [len(group.variables) for group in self.groups]

        def steps(batches, rates, *given):
            gathered, asis = given[: len(arrays)], given[len(arrays) :]
            total = tf.constant(0.0)
            finite = tf.constant(0)  # steps before the first whose loss is no finite number
            for step in tf.range(tf.shape(batches)[0]):
                batch = [tf.gather(array, batches[step]) for array in gathered]
                with tf.GradientTape() as tape:
                    value = loss(*batch, *asis)
                gradients = tape.gradient(value, [variable.value for variable in variables])
                start = 0
                for index, group in enumerate(self.groups):
                    group.optimizer.learning_rate.assign(rates[step, index])
                    group.optimizer.apply(gradients[start : start + sizes[index]], group.variables)
                    start += sizes[index]
                total += value
                finite += tf.cast(tf.math.is_finite(total), tf.int32)
            return total / tf.cast(tf.shape(batches)[0], tf.float32), finite

        self._steps = tf.function(
            steps,
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
        loss, finite = self._steps(batches.astype("int32"), rates.astype("float32"), *arrays)
        if not np.isfinite(float(loss)):
            message = f"the training loss became {float(loss)}; lower the learning rate."
            raise DivergedError(message, int(finite) + 1)
        return float(loss)


@contextmanager
def fused(layer: keras.layers.Layer | None) -> Iterator[None]:
    """While this lasts, what is traced calls the layer as one kernel, compiled with XLA.

    It pays where a layer makes many cheap passes over its input. Matrix products and random numbers
    are slower with XLA on a CPU, so it is not for whole networks, nor for corruption.
    """
    if layer is None:
        yield
        return
    call = layer.call
    layer.call = tf.function(call, jit_compile=True, autograph=False)
    try:
        yield
    finally:
        layer.call = call


def shuffled_batches(rows: int, batch_size: int, seed: int) -> np.ndarray:
    """Indices (steps, batch size) of one epoch; rows that fill no batch sit this epoch out."""
    size = min(batch_size, rows)
    order = np.random.default_rng(seed).permutation(rows)
    return order[: rows // size * size].reshape(-1, size)


def blocks(batches: np.ndarray) -> Iterator[slice]:
    """Slices of at most `BLOCK_STEPS` steps, so that progress can be told between them."""
    for start in range(0, len(batches), BLOCK_STEPS):
        yield slice(start, min(start + BLOCK_STEPS, len(batches)))
