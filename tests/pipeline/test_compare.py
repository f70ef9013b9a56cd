"""The comparison: against hand-set numbers, brute force, SciPy's t, and chance alone."""

import itertools
import json
from math import sqrt

import numpy as np
import pytest
from scipy import stats

from pipeline.compare import Gain, Score, compare, comparison_entry, paired_gain, verdict


def brute_force_p(differences) -> float:
    """The share of all sign patterns whose mean is as far from zero as the one observed."""
    differences = np.asarray(differences)
    observed = abs(differences.sum())
    patterns = itertools.product((-1, 1), repeat=len(differences))
    sums = [abs(np.dot(signs, differences)) for signs in patterns]
    return float(np.mean([total >= observed - 1e-12 for total in sums]))


def scores(pretrained: dict[int, float], random: dict[int, float], labels: int = 10):
    arms = {"pretrained": pretrained, "random": random}
    return [
        Score(arm, labels, seed, score)
        for arm, by_seed in arms.items()
        for seed, score in by_seed.items()
    ]


# The gain


def test_gain_and_interval_of_hand_set_numbers():
    # Differences 0.01, 0.02, 0.03 have deviation 0.01; Student's t at 97.5 %, 2 degrees: 4.3027.
    gain = paired_gain([0.81, 0.82, 0.93], [0.80, 0.80, 0.90])
    assert gain.mean == pytest.approx(0.02)
    half = 4.302653 * 0.01 / sqrt(3)
    assert gain.interval == pytest.approx((0.02 - half, 0.02 + half))
    assert gain.p_value == pytest.approx(2 / 8)


@pytest.mark.parametrize("seeds", [2, 5, 10])
def test_the_interval_is_student_s(seeds):
    rng = np.random.default_rng(seeds)
    candidate, baseline = rng.uniform(0.7, 0.9, (2, seeds))
    expected = stats.ttest_rel(candidate, baseline).confidence_interval(0.95)
    assert paired_gain(candidate, baseline).interval == pytest.approx(tuple(expected))


@pytest.mark.parametrize("draw", range(10))
def test_the_p_value_is_exact(draw):
    rng = np.random.default_rng(draw)
    # Accuracies on 50 test rows: many differences tie, and some are zero.
    candidate, baseline = rng.binomial(50, 0.8, (2, 5)) / 50
    expected = brute_force_p(candidate - baseline)
    assert paired_gain(candidate, baseline).p_value == pytest.approx(expected)


@pytest.mark.parametrize("seeds", [2, 5, 10, 14])
def test_the_least_p_value_is_two_patterns_of_all(seeds):
    gains = np.linspace(0.01, 0.05, seeds)
    assert paired_gain(gains, np.zeros(seeds)).p_value == pytest.approx(2 / 2**seeds)


def test_exchanging_the_arms_mirrors_the_gain():
    one, two = [0.9, 0.85, 0.8, 0.92], [0.7, 0.86, 0.78, 0.9]
    gain, mirrored = paired_gain(one, two), paired_gain(two, one)
    assert mirrored.mean == pytest.approx(-gain.mean)
    assert mirrored.interval == pytest.approx((-gain.interval[1], -gain.interval[0]))
    assert mirrored.p_value == pytest.approx(gain.p_value)


def test_identical_scores_are_no_evidence():
    gain = paired_gain([0.9, 0.8, 0.7], [0.9, 0.8, 0.7])
    assert gain == Gain(0.0, None, 1.0)
    assert verdict(gain) == "no evidence"


@pytest.mark.parametrize("seeds", [2, 3])
def test_gains_without_spread_have_no_interval_and_are_no_evidence(seeds):
    candidate = [0.75, 0.7, 0.25][:seeds]
    gain = paired_gain(candidate, np.subtract(candidate, 0.2))
    assert gain.mean == pytest.approx(0.2)
    assert gain.interval is None
    assert gain.p_value == 2 / 2**seeds
    assert verdict(gain) == "no evidence"


def test_one_seed_is_no_evidence_however_large_the_gain():
    gain = paired_gain([0.99], [0.01])
    assert gain.mean == pytest.approx(0.98)
    assert (gain.interval, gain.p_value, verdict(gain)) == (None, None, "no evidence")


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ((0.001, 0.02), "helps"),
        ((-0.02, -0.001), "hurts"),
        ((-0.001, 0.02), "no evidence"),
        ((0.0, 0.02), "no evidence"),
        ((-0.02, 0.0), "no evidence"),
        (None, "no evidence"),
    ],
)
def test_the_verdict_needs_the_whole_interval_on_one_side(interval, expected):
    assert verdict(Gain(0.01, interval, 0.05)) == expected


def test_random_against_random_helps_no_more_often_than_the_interval_allows():
    rng = np.random.default_rng(0)
    pairs = rng.binomial(360, 0.85, (500, 2, 5)) / 360
    verdicts = [verdict(paired_gain(*pair)) for pair in pairs]
    # 2.5 % on each side; five deviations of 500 draws above it.
    most = 500 * 0.025 + 5 * sqrt(500 * 0.025 * 0.975)
    assert verdicts.count("helps") < most
    assert verdicts.count("hurts") < most
    assert verdicts.count("helps") + verdicts.count("hurts") > 0


# Pairs, arms and budgets


def test_scores_are_paired_by_seed_not_by_position():
    made = scores({0: 0.9, 1: 0.5, 2: 0.7}, {2: 0.6, 0: 0.7, 1: 0.4})
    rng = np.random.default_rng(0)
    for _ in range(3):
        row = compare([made[i] for i in rng.permutation(len(made))])[0]
        expected = paired_gain([0.9, 0.5, 0.7], [0.7, 0.4, 0.6])
        assert row.gain == expected
        assert row.arms["random"].scores == [0.7, 0.4, 0.6]


def test_seeds_that_only_one_arm_has_are_left_out_of_the_gain():
    row = compare(scores({0: 0.1, 1: 0.8, 2: 0.9}, {1: 0.7, 2: 0.75, 3: 1.0}))[0]
    assert row.gain == paired_gain([0.8, 0.9], [0.7, 0.75])
    assert row.arms["pretrained"].scores == [0.1, 0.8, 0.9]


def test_without_a_common_seed_there_is_no_gain():
    row = compare(scores({0: 0.9}, {1: 0.8}))[0]
    assert (row.gain, row.verdict) == (None, None)


@pytest.mark.parametrize("arm", ["pretrained", "random", "frozen"])
def test_one_arm_alone_is_told_without_a_gain(arm):
    row = compare([Score(arm, 10, seed, 0.5 + seed / 10) for seed in range(3)])[0]
    assert row.arms[arm].mean == pytest.approx(0.6)
    assert (row.gain, row.verdict) == (None, None)


def test_the_frozen_arm_has_no_part_in_the_gain():
    made = scores({0: 0.9, 1: 0.8}, {0: 0.7, 1: 0.75})
    alone = compare(made)[0]
    beside = compare([*made, Score("frozen", 10, 0, 0.1), Score("frozen", 10, 1, 0.2)])[0]
    assert (beside.gain, beside.verdict) == (alone.gain, alone.verdict)
    assert beside.arms["frozen"].scores == [0.1, 0.2]


def test_mean_and_deviation_of_hand_set_scores():
    arm = compare(scores({0: 0.2, 1: 0.4, 2: 0.6}, {}))[0].arms["pretrained"]
    assert (arm.mean, arm.std) == (pytest.approx(0.4), pytest.approx(0.2))
    assert compare(scores({0: 0.2}, {}))[0].arms["pretrained"].std == 0


def test_budgets_are_compared_apart_in_ascending_order():
    made = [*scores({0: 0.9}, {0: 0.5}, labels=1000), *scores({0: 0.4}, {0: 0.3}, labels=20)]
    rows = compare(made)
    assert [row.labels for row in rows] == [20, 1000]
    assert [row.gain.mean for row in rows] == [pytest.approx(0.1), pytest.approx(0.4)]


def test_no_scores_are_no_comparison():
    assert compare([]) == []


# For JSON


def test_an_entry_holds_every_figure_by_name():
    made = scores({0: 0.75, 1: 1.0}, {0: 0.5, 1: 0.25}, labels=20)
    entry = json.loads(json.dumps(comparison_entry(compare(made)[0], "accuracy")))
    gain = entry.pop("gain")
    assert entry == {
        "labels": 20,
        "arms": {
            "pretrained": {
                "accuracy": [0.75, 1.0],
                "mean": 0.875,
                "std": pytest.approx(0.17677670),
            },
            "random": {"accuracy": [0.5, 0.25], "mean": 0.375, "std": pytest.approx(0.17677670)},
        },
        "verdict": "no evidence",
    }
    assert gain["mean"] == 0.5
    assert gain["ci95"] == pytest.approx([0.5 - 12.7062 * 0.25, 0.5 + 12.7062 * 0.25], rel=1e-5)
    assert gain["p_value"] == pytest.approx(0.5)


def test_an_entry_says_null_for_what_cannot_be_known():
    one_seed = comparison_entry(compare(scores({0: 0.75}, {0: 0.5}))[0], "r2")
    assert one_seed["gain"] == {"mean": 0.25, "ci95": None, "p_value": None}
    one_arm = comparison_entry(compare(scores({0: 0.75}, {}))[0], "r2")
    assert (one_arm["gain"], one_arm["verdict"]) == (None, None)
