"""The comparison: against hand-set numbers, brute force, SciPy's t, and chance alone."""

import itertools
import json
from math import sqrt

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation.compare import (
    Score,
    compare,
    comparison_entry,
    holm,
    mcnemar,
    paired_gain,
    seeds_needed,
    verdict,
)


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
    row = compare(scores({0: 0.9, 1: 0.8, 2: 0.7}, {0: 0.9, 1: 0.8, 2: 0.7}))[0]
    assert (row.gain.mean, row.gain.interval, row.gain.p_value) == (0.0, None, 1.0)
    assert row.verdict == "no evidence"


@pytest.mark.parametrize("seeds", [2, 3])
def test_gains_without_spread_have_no_interval_and_are_no_evidence(seeds):
    candidate = [0.75, 0.7, 0.25][:seeds]
    random = np.subtract(candidate, 0.2)
    row = compare(scores(dict(enumerate(candidate)), dict(enumerate(random))))[0]
    assert row.gain.mean == pytest.approx(0.2)
    assert row.gain.interval is None
    assert row.gain.p_value == 2 / 2**seeds
    assert (row.p_holm, row.verdict) == (None, "no evidence")


def test_one_seed_is_no_evidence_however_large_the_gain():
    row = compare(scores({0: 0.99}, {0: 0.01}))[0]
    assert row.gain.mean == pytest.approx(0.98)
    assert (row.gain.interval, row.gain.p_value, row.p_holm) == (None, None, None)
    assert row.verdict == "no evidence"


# The verdict


@pytest.mark.parametrize(
    ("mean", "p_holm", "expected"),
    [
        (0.01, 0.049, "helps"),
        (-0.01, 0.049, "hurts"),
        (0.01, 0.05, "no evidence"),
        (-0.01, 0.3, "no evidence"),
        (0.01, None, "no evidence"),
    ],
)
def test_the_verdict_follows_from_the_corrected_p_value(mean, p_holm, expected):
    assert verdict(mean, p_holm) == expected


def test_holm_of_hand_set_p_values():
    # 0.01 x 4, 0.02 x 3, 0.03 x 2 is no less than what came before, 0.5 x 1.
    corrected = holm({100: 0.02, 500: 0.01, 1000: 0.5, 5000: 0.03})
    assert corrected == pytest.approx({500: 0.04, 100: 0.06, 5000: 0.06, 1000: 0.5})
    assert holm({10: 0.7, 20: 0.8}) == {10: 1.0, 20: 1.0}
    assert holm({10: 0.04}) == {10: 0.04}
    assert holm({}) == {}


def test_one_budget_is_judged_by_its_interval():
    rng = np.random.default_rng(0)
    for pair in rng.normal([[0.81], [0.8]], 0.02, (200, 2, 5)):
        row = compare(scores(*(dict(enumerate(arm)) for arm in pair)))[0]
        low, high = row.gain.interval
        assert row.verdict == ("helps" if low > 0 else "hurts" if high < 0 else "no evidence")


def test_the_more_budgets_are_looked_at_the_more_each_must_show():
    alone = scores({0: 0.81, 1: 0.82, 2: 0.83, 3: 0.84}, {0: 0.8, 1: 0.8, 2: 0.8, 3: 0.8})
    nothing = [
        score
        for labels in (20, 30, 40)
        for score in scores({0: 0.9, 1: 0.8, 2: 0.7}, {0: 0.8, 1: 0.9, 2: 0.71}, labels)
    ]
    (one,) = compare(alone)
    several = compare([*alone, *nothing])[0]
    assert several.gain == one.gain
    assert several.p_holm == pytest.approx(4 * one.p_holm)
    assert (one.verdict, several.verdict) == ("helps", "no evidence")


def test_random_against_random_is_called_anything_in_five_runs_of_a_hundred():
    rng = np.random.default_rng(0)
    called = 0
    for run in rng.binomial(360, 0.85, (500, 3, 2, 5)) / 360:
        made = [
            score
            for labels, pair in zip((20, 50, 200), run, strict=True)
            for score in scores(*(dict(enumerate(arm)) for arm in pair), labels)
        ]
        called += any(row.verdict != "no evidence" for row in compare(made))
    # Three looks in each run, corrected; five deviations of 500 draws above 5 %.
    assert 0 < called < 500 * 0.05 + 5 * sqrt(500 * 0.05 * 0.95)


# A single seed


def rows(bits: str) -> np.ndarray:
    return np.array([bit == "1" for bit in bits])


def test_mcnemar_of_hand_set_rows():
    # Of 9 rows on which the networks differ 8 are the first one's: 2 x (1 + 9) / 2^9.
    found = mcnemar(rows("1111111101110"), rows("0000000011110"))
    assert found == (8, 1, pytest.approx(20 / 512))


def test_networks_that_agree_do_not_differ():
    assert mcnemar(rows("110"), rows("110")) == (0, 0, 1.0)


def test_a_single_seed_is_told_by_its_test_rows():
    made = [
        Score("pretrained", 10, 0, 1.0, rows("1111")),
        Score("random", 10, 0, 0.5, rows("1001")),
    ]
    assert compare(made)[0].mcnemar == (2, 0, 0.5)
    assert compare([made[0], made[1]._replace(right=None)])[0].mcnemar is None
    second = [score._replace(seed=1) for score in made]
    assert compare([*made, *second])[0].mcnemar is None


# How many seeds


@pytest.mark.parametrize(("gain", "std", "budgets"), [(0.01, 0.01, 1), (0.02, 0.015, 4)])
def test_the_planned_seeds_see_the_gain_in_four_runs_of_five(gain, std, budgets):
    seeds = seeds_needed(gain, std, budgets)
    rng = np.random.default_rng(0)

    def seen(seeds: int) -> float:
        draws = rng.normal(gain, std, (20_000, seeds))
        return float(np.mean(stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05 / budgets))

    assert seen(seeds) > 0.79
    assert seen(seeds - 1) < 0.81


def test_a_smaller_gain_needs_more_seeds():
    needed = [seeds_needed(gain, 0.01, 3) for gain in (1.0, 0.02, 0.01, 0.001)]
    assert needed == sorted(needed)
    assert (needed[0], needed[-1] > 800) == (2, True)


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


def test_further_arms_have_gains_of_their_own():
    made = scores({0: 0.9, 1: 0.8}, {0: 0.7, 1: 0.75})
    alone = compare(made)[0]
    beside = compare([*made, Score("frozen", 10, 1, 0.1), Score("svm_rbf", 10, 7, 0.2)])[0]
    assert (beside.gain, beside.p_holm, beside.verdict) == (
        alone.gain, alone.p_holm, alone.verdict
    )  # fmt: skip
    assert beside.arms["frozen"].scores == [0.1]
    assert beside.against == {"frozen": paired_gain([0.8], [0.1])}


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
    assert entry.pop("against") == {}
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
    assert gain["p_holm"] == pytest.approx(2 / np.pi * np.arctan2(0.25, 0.5))  # Cauchy at 2
    assert gain["std"] == pytest.approx(0.25 * sqrt(2))
    assert gain["mcnemar"] is None


def test_an_entry_says_null_for_what_cannot_be_known():
    one_seed = comparison_entry(compare(scores({0: 0.75}, {0: 0.5}))[0], "r2")
    assert one_seed["gain"] == {
        "mean": 0.25, "ci95": None, "p_value": None, "std": 0.0, "p_holm": None, "mcnemar": None
    }  # fmt: skip
    one_arm = comparison_entry(compare(scores({0: 0.75}, {}))[0], "r2")
    assert (one_arm["gain"], one_arm["verdict"]) == (None, None)
