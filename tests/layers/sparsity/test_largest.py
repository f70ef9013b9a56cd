"""Which values are the k largest: exactly k, the first among equal ones; against a stable sort."""

import numpy as np
import pytest
from keras import ops

from layers.sparsity.largest import largest

DRAW = np.random.default_rng(0)
VALUES = {
    "all different": DRAW.normal(size=(20, 30)),
    "ties": DRAW.integers(1, 5, size=(20, 30)),
    "all equal": np.ones((3, 30)),
    "some rows with ties": np.concatenate([DRAW.random((5, 30)), np.full((2, 30), 0.5)]),
    "negative ties": -DRAW.integers(1, 5, size=(20, 30)),
}


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("k", [1, 3, 7])
@pytest.mark.parametrize("name", [name for name in VALUES if name != "all equal"])
def test_they_are_the_first_k_of_a_stable_sort(name, k, axis):
    values = VALUES[name].astype("float32")
    mask, smallest = (ops.convert_to_numpy(found) for found in largest(values, k, axis))
    order = np.argsort(-values, axis=axis, kind="stable")
    expected = np.zeros(values.shape, bool)
    np.put_along_axis(expected, np.take(order, range(k), axis=axis), True, axis=axis)
    np.testing.assert_array_equal(mask, expected)
    np.testing.assert_array_equal(smallest, -np.sort(-values, axis=axis).take([k - 1], axis=axis))


def test_of_values_that_are_all_equal_the_first_are_taken():
    mask, _ = largest(np.ones((3, 30), "float32"), 4)
    np.testing.assert_array_equal(mask, np.tile(np.arange(30) < 4, (3, 1)))


def test_zeros_among_the_largest_make_no_difference_to_a_code():
    values = np.array([[0, 3, 0, 1, 0]], "float32")
    mask, _ = largest(values, 3)
    np.testing.assert_array_equal(np.where(mask, values, 0), values)
