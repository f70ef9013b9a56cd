"""The running mean of thresholds: plain for a hundred updates, then exponential."""

import numpy as np
import pytest

from layers.sparsity.running_threshold import RunningThreshold
from tests.layers.cases import array


def fed(values):
    """A threshold for two units after updates with the values and with their negatives."""
    threshold = RunningThreshold()
    threshold.build((2,))
    for value in values:
        threshold.update(np.array([value, -value], "float32"))
    return array(threshold.value)


def test_before_any_update_the_threshold_is_zero():
    np.testing.assert_array_equal(fed([]), [0, 0])


def test_the_first_hundred_updates_give_their_plain_mean():
    values = np.random.default_rng(0).normal(3, 1, 100)
    np.testing.assert_allclose(fed(values), [values.mean(), -values.mean()], rtol=1e-4)


def test_later_updates_move_the_mean_by_a_hundredth():
    expected = 0.99 * (0.99 * 1.0 + 0.01 * 5.0) + 0.01 * 5.0
    assert fed([1.0] * 100 + [5.0] * 2)[0] == pytest.approx(expected, rel=1e-4)
