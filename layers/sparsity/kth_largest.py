"""The k-th largest value: what the hard limits on active units need."""

import math

import keras
from keras import ops

BISECTIONS_PER_CHECK = 4
"""Passes before it is asked whether more are needed, which a GPU must report to its host."""
SORTED_ON_GPU = 2**22
"""Values up to which a GPU sorts them in less time than starting the passes takes."""


def kth_largest(values, k, axis=-1):
    """The k-th largest of `values` along an axis, which is kept with length one; no gradient.

    `k` is from 1 to the length of the axis. Exact. Takes the way that is faster in training.
    """
    known = isinstance(k, int) and None not in values.shape
    if known and math.prod(values.shape) <= SORTED_ON_GPU and _sorts_fast():
        return kth_largest_by_sort(values, k, axis)
    return kth_largest_by_bisection(values, k, axis)


def kth_largest_by_sort(values, k, axis=-1):
    """The same by a sort; `k` is a plain integer."""
    largest, _ = ops.top_k(ops.moveaxis(ops.stop_gradient(values), axis, -1), k, sorted=False)
    return ops.moveaxis(ops.min(largest, axis=-1, keepdims=True), -1, axis)


def kth_largest_by_bisection(values, k, axis=-1):
    """The same without a sort; `k` may be a tensor.

    A bracket is halved until just k values lie above its lower end, some fifteen to twenty passes
    in all, each a comparison and a count: on a processor, compiled with XLA, less than half of what
    the sort takes for k in the hundreds, without XLA more.
    """
    values = ops.stop_gradient(values)
    low = ops.min(values, axis=axis, keepdims=True)
    high = ops.max(values, axis=axis, keepdims=True)

    def count(found):
        return ops.sum(ops.cast(found, "int32"), axis=axis, keepdims=True)

    def middle_of(low, high):
        return low / 2 + high / 2  # their sum may overflow, their difference may underflow

    def is_open(low, high, from_low):
        middle = middle_of(low, high)
        # Nothing lies between neighbouring numbers, and a NaN or infinity has no middle.
        return (from_low > k) & (low < middle) & (middle < high)

    def some_open(low, high, from_low):
        return ops.any(is_open(low, high, from_low))

    def halve(low, high, from_low):
        for _ in range(BISECTIONS_PER_CHECK):
            middle = middle_of(low, high)
            from_middle = count(values >= middle)
            open_ = is_open(low, high, from_low)
            upper = from_middle >= k
            low, high, from_low = (
                ops.where(open_ & upper, middle, low),
                ops.where(open_ & ~upper, middle, high),
                ops.where(open_ & upper, from_middle, from_low),
            )
        return low, high, from_low

    # Where fewer than k exceed the least value, as many zeros in a code, that one is the k-th.
    ties = count(values > low) < k
    from_low = ops.where(ties, k, count(values >= low))
    low, _, _ = ops.while_loop(some_open, halve, (low, high, from_low))
    return ops.min(ops.where(values >= low, values, math.inf), axis=axis, keepdims=True)


def _sorts_fast() -> bool:
    """Whether sorting may beat many passes: on a GPU, and where nothing compiles the passes."""
    if keras.backend.backend() == "torch":
        return True
    return keras.distribution.list_devices()[0].startswith("gpu")
