"""The gain of paired seeds: against hand-set numbers, brute force and SciPy."""

import itertools
from math import sqrt
from time import perf_counter

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation.gain import (
    Gain,
    Randomisation,
    corrected,
    half_interval,
    holm,
    paired_gain,
    sign_flip_test,
)


def brute_force_p(differences) -> float:
    """The share of all sign patterns whose mean is as far from zero as the one observed."""
    differences = np.asarray(differences)
    observed = abs(differences.sum())
    patterns = itertools.product((-1, 1), repeat=len(differences))
    sums = [abs(np.dot(signs, differences)) for signs in patterns]
    return float(np.mean([total >= observed - 1e-12 for total in sums]))


def test_gain_and_interval_of_hand_set_numbers():
    # Differences 0.01, 0.02, 0.03: standard deviation 0.01; t at 97.5 %, 2 degrees: 4.3027.
    gain = paired_gain([0.81, 0.82, 0.93], [0.80, 0.80, 0.90])
    assert gain.mean == pytest.approx(0.02)
    half = 4.302653 * 0.01 / sqrt(3)
    assert gain.interval == pytest.approx((0.02 - half, 0.02 + half))
    assert gain.randomisation.p_value == pytest.approx(2 / 8)


@pytest.mark.parametrize("seeds", [2, 5, 10])
def test_the_interval_is_student_s(seeds):
    rng = np.random.default_rng(seeds)
    candidate, other = rng.uniform(0.7, 0.9, (2, seeds))
    expected = stats.ttest_rel(candidate, other).confidence_interval(0.95)
    assert paired_gain(candidate, other).interval == pytest.approx(tuple(expected))


@pytest.mark.parametrize("draw", range(10))
def test_the_sign_flip_test_is_exact(draw):
    rng = np.random.default_rng(draw)
    # Accuracies on 50 test rows: many differences tie, and some are zero.
    candidate, other = rng.binomial(50, 0.8, (2, 5)) / 50
    expected = brute_force_p(candidate - other)
    assert paired_gain(candidate, other).randomisation.p_value == pytest.approx(expected)


@pytest.mark.parametrize("seeds", [2, 5, 14, 20])
def test_the_least_p_value_is_two_patterns_of_all(seeds):
    gains = np.linspace(0.01, 0.05, seeds)
    assert paired_gain(gains, np.zeros(seeds)).randomisation.p_value == pytest.approx(2 / 2**seeds)


def test_exchanging_the_arms_mirrors_the_gain():
    one, two = [0.9, 0.85, 0.8, 0.92], [0.7, 0.86, 0.78, 0.9]
    gain, mirrored = paired_gain(one, two), paired_gain(two, one)
    assert mirrored.mean == pytest.approx(-gain.mean)
    assert mirrored.interval == pytest.approx((-gain.interval[1], -gain.interval[0]))
    assert mirrored.randomisation.p_value == pytest.approx(gain.randomisation.p_value)


def test_holm_of_hand_set_p_values():
    # 0.01 x 4, 0.02 x 3, 0.03 x 2 is no less than what came before, 0.5 x 1.
    found = holm({100: 0.02, 500: 0.01, 1000: 0.5, 5000: 0.03})
    assert found == pytest.approx({500: 0.04, 100: 0.06, 5000: 0.06, 1000: 0.5})
    assert holm({10: 0.7, 20: 0.8}) == {10: 1.0, 20: 1.0}
    assert holm({10: 0.04}) == {10: 0.04}
    assert holm({}) == {}


def test_a_p_value_of_0_is_corrected_like_any_other():
    clear = Gain(0.1, (0.1, 0.1), Randomisation(0.001, True), 0.0, 1e-12)
    single = Gain(0.1, None, None, None, 0.0)
    assert corrected({10: clear, 20: single, 30: None}) == {10: 0.0}


def test_up_to_20_seeds_the_sign_flip_test_is_exact_and_takes_no_time():
    gains = np.random.default_rng(0).normal(0.005, 0.01, 20)
    start = perf_counter()
    found = sign_flip_test(gains)
    assert perf_counter() - start < 2
    # Half the patterns by another way: a bit of each number is a sign.
    signs = 2 * (np.arange(2**19)[:, np.newaxis] >> np.arange(20) & 1) - 1
    as_far = np.abs(signs @ gains) >= abs(gains.sum()) - 1e-12
    assert found == (pytest.approx(as_far.mean()), True)


def test_above_20_seeds_patterns_are_drawn_and_the_result_says_so():
    gains = np.random.default_rng(0).normal(0.002, 0.01, 40)
    p_value, exact = sign_flip_test(gains)
    assert not exact
    # The mean over all patterns of 40 signs is nearly normal.
    normal = 2 * stats.norm.sf(abs(gains.sum()) / np.sqrt(np.sum(gains**2)))
    assert p_value == pytest.approx(normal, rel=0.05)
    assert sign_flip_test(gains) == (p_value, exact)
    assert sign_flip_test(np.full(40, 0.1)).p_value == pytest.approx(1 / 100_001)


def test_half_the_interval_of_each_column():
    values = np.random.default_rng(0).normal(size=(6, 3))
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    np.testing.assert_allclose(half_interval(values), (high - low) / 2)
