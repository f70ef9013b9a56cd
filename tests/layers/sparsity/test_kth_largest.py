"""The k-th largest value, by halving and by a sort, against NumPy's sort."""

import numpy as np
import pytest
from keras import ops

from layers.sparsity.kth_largest import (
    kth_largest,
    kth_largest_by_bisection,
    kth_largest_by_sort,
)

DRAW = np.random.default_rng(0)


def expected(values, k):
    return np.sort(values, axis=-1)[..., -k][..., None]


ways = pytest.mark.parametrize("find", [kth_largest, kth_largest_by_bisection, kth_largest_by_sort])


@ways
@pytest.mark.parametrize("k", [1, 50, 100])
@pytest.mark.parametrize(
    "values",
    [
        DRAW.normal(size=(32, 100)),
        np.maximum(DRAW.normal(size=(32, 100)), 0),
        DRAW.exponential(size=(32, 100)) ** 8,
        DRAW.integers(0, 4, size=(32, 100)),
        np.zeros((3, 100)),
        -1e30 * DRAW.random((3, 100)),
        1e-36 * (1 + DRAW.random((3, 100))),
    ],
    ids=["normal", "relu", "long tail", "ties", "all equal", "large negative", "tiny"],
)
def test_it_is_what_numpy_gives(values, k, find):
    values = values.astype("float32")

    found = ops.convert_to_numpy(find(values, k))

    np.testing.assert_array_equal(found, expected(values, k))


def test_it_works_on_a_single_long_row():
    values = DRAW.normal(size=10_000).astype("float32")

    np.testing.assert_array_equal(kth_largest(values, 3_000), expected(values, 3_000))


@ways
def test_it_works_along_the_rows_of_a_batch(find):
    values = np.maximum(DRAW.normal(size=(100, 7)), 0).astype("float32")

    found = ops.convert_to_numpy(find(values, 20, axis=0))

    np.testing.assert_array_equal(found, expected(values.T, 20).T)


def test_k_may_be_a_tensor():
    values = DRAW.normal(size=(5, 20)).astype("float32")

    np.testing.assert_array_equal(
        kth_largest(values, ops.convert_to_tensor(7)), expected(values, 7)
    )


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_it_ends_on_values_that_are_no_numbers(odd):
    values = np.array([[1.0, odd, 3.0, 2.0], [4.0, 3.0, 2.0, 1.0]], "float32")

    found = ops.convert_to_numpy(kth_largest_by_bisection(values, 2))

    assert found[1, 0] == 3.0
