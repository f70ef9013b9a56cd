"""Gains of seeds that split the same rows: intervals against draws whose correlation is known."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation.compare import Score, compare, seeds_needed
from pipeline.evaluation.differences import differences
from pipeline.evaluation.gain import half_interval, paired_gain
from pipeline.evaluation.label_saving import label_savings
from pipeline.evaluation.resplit import Resplit
from tests.pipeline.evaluation.test_differences import summary

GAINS = [0.01, 0.02, 0.03, 0.05, 0.02]
SPLIT = Resplit(test=30, train=102, labelled=150)


def correlated(seeds: int, correlation: float) -> np.ndarray:
    """Draws (seeds, 20,000) with a variance of 1 and this correlation between seeds."""
    rng = np.random.default_rng(0)
    shared, own = rng.normal(size=20_000), rng.normal(size=(seeds, 20_000))
    return correlation**0.5 * shared + (1 - correlation) ** 0.5 * own


@pytest.mark.parametrize("seeds", [2, 5, 10])
@pytest.mark.parametrize("correlation", [0.0, 0.1, 0.3])
def test_the_interval_holds_the_truth_as_often_as_it_says(seeds, correlation):
    gains = correlated(seeds, correlation)
    error = abs(gains.mean(axis=0))
    assert np.mean(error <= half_interval(gains, correlation)) == pytest.approx(0.95, abs=0.01)
    if correlation and seeds > 2:  # with two Student's t is so wide that little is missed
        assert np.mean(error <= half_interval(gains)) < 0.93


def test_interval_and_p_of_hand_set_numbers():
    # Standard deviation 0.01, three seeds: 1 / 3 + 0.2 / 0.8; t at 97.5 %, 2 degrees: 4.3027.
    gain = paired_gain([0.81, 0.82, 0.93], [0.80, 0.80, 0.90], 0.2)
    error = 0.01 * (1 / 3 + 0.25) ** 0.5
    assert gain.mean == pytest.approx(0.02)
    assert gain.interval == pytest.approx((0.02 - 4.302653 * error, 0.02 + 4.302653 * error))
    assert gain.p == pytest.approx(2 * stats.t.sf(0.02 / error, 2))
    assert gain.std == pytest.approx(0.01)


def test_signs_of_correlated_seeds_are_no_coins():
    assert paired_gain(GAINS, np.zeros(5)).randomisation is not None
    assert paired_gain(GAINS, np.zeros(5), 0.2).randomisation is None
    assert paired_gain([0.1] * 5, np.zeros(5), 0.2).p is None  # no spread, no verdict


def scores(labels: int) -> list[Score]:
    return [
        Score(arm, labels, seed, 0.5 + (gain if arm == "pretrained" else 0), stack=seed)
        for seed, gain in enumerate(GAINS)
        for arm in ("pretrained", "random", "logistic")
    ]


def test_every_gain_of_a_run_allows_for_the_rows_that_splits_share():
    (alone,), (split,) = compare(scores(20)), compare(scores(20), resplit=SPLIT)
    assert alone.correlation is None
    assert split.correlation == SPLIT.correlation(20) > 0
    for one, other in ((alone.gain, split.gain), (alone.against["logistic"],
                                                  split.against["logistic"])):  # fmt: skip
        assert other.mean == one.mean
        assert np.ptp(other.interval) > np.ptp(one.interval)
    assert split.p_holm > alone.p_holm


def test_a_label_saving_allows_for_them_too():
    rng = np.random.default_rng(0)
    made = [
        Score(arm, labels, seed, height + bonus + 0.02 * rng.normal())
        for labels, height in ((20, 0.5), (50, 0.6), (100, 0.7))
        for arm, bonus in (("pretrained", 0.02), ("random", 0.0))
        for seed in range(5)
    ]
    alone, split = label_savings(made), label_savings(made, SPLIT)
    assert [row.equals for row in split] == [row.equals for row in alone]
    for one, other in zip(alone[:2], split[:2], strict=True):  # the last is at a bound
        assert other.interval[0] <= one.interval[0] < one.interval[1] <= other.interval[1]
        assert other.interval != one.interval


def test_runs_beside_each_other_allow_for_them_too():
    first, second = [0.5, 0.6, 0.55, 0.52], [0.7, 0.72, 0.8, 0.75]

    def gain(key: str, correlation: float | None):
        runs = (
            summary({100: {"random": scores}}, which, correlation=correlation)
            for scores, which in ((first, "a"), (second, key))
        )
        one, other = runs
        (row,) = differences(one, other, {}, {}).rows
        return row.gain

    for key in ("a", "b"):  # paired, and in two groups
        assert np.ptp(gain(key, 0.2).interval) > 1.3 * np.ptp(gain(key, None).interval)
        assert gain(key, 0.2).p > gain(key, None).p
    # Independent groups: the error of each mean is that of its correlated seeds.
    free = stats.ttest_ind(second, first, equal_var=False).df
    error = (sum(np.var(s, ddof=1) * (1 / 4 + 0.25) for s in (first, second))) ** 0.5
    assert np.ptp(gain("b", 0.2).interval) == pytest.approx(2 * stats.t.ppf(0.975, free) * error)


def test_more_seeds_are_planned_for_and_none_where_they_would_not_do():
    independent, alike = seeds_needed(0.02, 0.015, 1), seeds_needed(0.02, 0.015, 1, 0.1)
    assert independent < alike
    assert seeds_needed(0.01, 0.02, 1, 0.5) is None


def test_with_all_labels_the_correlation_is_the_share_of_test_rows_that_two_splits_share():
    rng = np.random.default_rng(0)
    tests = [set(rng.permutation(150)[:30].tolist()) for _ in range(200)]
    shared = [len(one & other) / 30 for one, other in pairwise(tests)]
    assert SPLIT.correlation(102) == pytest.approx(np.mean(shared), abs=0.01)
    assert SPLIT.correlation(110) == SPLIT.correlation(102)  # some of them are of validation rows


def test_the_fewer_labels_the_less_two_seeds_have_in_common():
    found = [SPLIT.correlation(labels) for labels in (10, 31, 102)]
    assert found == sorted(found)
    assert SPLIT.correlation(102 / 4) == pytest.approx(0.1)
