"""The k-th largest value: what the hard limits on active units need."""

import math

from keras import ops


def kth_largest_by_sort(values, k):
    """The k-th largest of `values` (..., n) along the last axis, (..., 1); no gradient.

    `k`, from 1 to n, is a plain integer. Exact.
    """
    largest, _ = ops.top_k(ops.stop_gradient(values), k, sorted=False)
    return ops.min(largest, axis=-1, keepdims=True)


def kth_largest(values, k, axis=-1):
    """The same without a sort, along any axis; `k` may be a tensor.

    A bracket is halved until just k values lie above its lower end, some fifteen to twenty passes
    in all, each a comparison and a count: compiled with XLA less than half of what the sort takes
    for k in the hundreds, without XLA more.
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
        middle = middle_of(low, high)
        from_middle = count(values >= middle)
        open_ = is_open(low, high, from_low)
        upper = from_middle >= k
        return (
            ops.where(open_ & upper, middle, low),
            ops.where(open_ & ~upper, middle, high),
            ops.where(open_ & upper, from_middle, from_low),
        )

    # Where fewer than k exceed the least value, as many zeros in a code, that one is the k-th.
    ties = count(values > low) < k
    from_low = ops.where(ties, k, count(values >= low))
    low, _, _ = ops.while_loop(some_open, halve, (low, high, from_low))
    return ops.min(ops.where(values >= low, values, math.inf), axis=axis, keepdims=True)
