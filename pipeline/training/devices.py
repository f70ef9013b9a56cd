"""The GPUs that train a level together."""

from contextlib import AbstractContextManager, nullcontext

import tensorflow as tf

from pipeline.errors import InputError


def distribution_scope(number: int) -> AbstractContextManager[object]:
    """A scope in which what is built trains on `number` GPUs, each with a share of every batch.

    One means whatever TensorFlow finds best: a GPU, or the processor. Raises `InputError` where
    there are fewer.
    """
    if number == 1:
        return nullcontext()
    found = len(tf.config.list_logical_devices("GPU"))
    if found < number:
        raise InputError(
            f"execution.gpus = {number}: needs as many GPUs as TensorFlow finds, which is {found} "
            "here. Set it to 1, which uses a GPU where there is one."
        )
    return tf.distribute.MirroredStrategy([f"GPU:{n}" for n in range(number)]).scope()
