"""The k largest values: what a hard limit on active units keeps."""

from collections.abc import Callable
from typing import Any

from keras import ops

from layers.sparsity.kth_largest import kth_largest

Search = Callable[..., Any]
"""A function with the arguments and results of `largest`, by other means."""


def largest(values, k, axis=-1, find=kth_largest):
    """Where the `k` largest of `values` are along an axis, and the smallest of them.

    Gives a mask of the values' shape and the k-th largest, the axis kept with length one; no
    gradient. Among equal values the first are taken, so that no more than `k` values other than
    zero are: values in bfloat16 are often equal. Zeros are all taken or none, as a code does not
    tell. `find` has the arguments and result of `kth_largest`.
    """
    values = ops.stop_gradient(values)
    smallest = find(values, k, axis)
    taken = values >= smallest
    too_many = (_count(taken, axis) > k) & (smallest != 0)

    def first_of_equals():
        equal = values == smallest
        above = taken & ~equal
        number = ops.cumsum(ops.cast(equal, "int32"), axis=axis)
        return above | (equal & (number <= k - _count(above, axis))) | (taken & ~too_many)

    return ops.cond(ops.any(too_many), first_of_equals, lambda: taken), smallest


def _count(found, axis):
    return ops.sum(ops.cast(found, "int32"), axis=axis, keepdims=True)
