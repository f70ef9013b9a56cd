"""The comparison: against hand-set numbers, brute force, SciPy's t, and chance alone."""

import json
from math import sqrt

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation.compare import (
    Score,
    compare,
    comparison_entry,
    mcnemar,
    seeds_needed,
    verdict,
)
from pipeline.evaluation.gain import paired_gain
from tests.pipeline.evaluation.measured import as_scores, measured_digits

RUNS = 1000


def scores(pretrained: dict[int, float], random: dict[int, float], labels: int = 10):
    arms = {"pretrained": pretrained, "random": random}
    return [
        Score(arm, labels, seed, score)
        for arm, by_seed in arms.items()
        for seed, score in by_seed.items()
    ]


# The verdict


def test_identical_scores_are_no_evidence():
    row = compare(scores({0: 0.9, 1: 0.8, 2: 0.7}, {0: 0.9, 1: 0.8, 2: 0.7}))[0]
    assert (row.gain.mean, row.gain.interval, row.p_holm) == (0.0, None, 1.0)
    assert row.verdict == "no evidence"


@pytest.mark.parametrize(
    ("seeds", "expected"), [(2, "no evidence"), (5, "no evidence"), (6, "helps"), (10, "helps")]
)
def test_gains_without_spread_are_judged_by_the_exact_sign_flip_test(seeds, expected):
    random = np.linspace(0.25, 0.75, seeds)
    row = compare(scores(dict(enumerate(random + 0.2)), dict(enumerate(random))))[0]
    assert row.gain.mean == pytest.approx(0.2)
    assert (row.gain.interval, row.gain.p_student) == (None, None)
    assert row.p_holm == 2 / 2**seeds
    assert row.verdict == expected


def test_of_a_loss_less_is_a_gain():
    losses = scores({0: 1.1, 1: 1.25, 2: 1.3}, {0: 1.5, 1: 1.6, 2: 1.72})
    losses += [Score("logistic", 10, seed, 1.0 + seed / 10) for seed in range(3)]
    (row,) = compare([score._replace(less_is_better=True) for score in losses])
    assert row.gain.mean == pytest.approx(np.mean([0.4, 0.35, 0.42]))
    assert row.gain.interval[0] > 0
    assert row.verdict == "helps"
    assert row.arms["pretrained"].scores == [1.1, 1.25, 1.3]  # as they are read
    assert row.against["logistic"].mean == pytest.approx(-np.mean([0.1, 0.15, 0.1]))


def test_a_budget_that_lacks_a_trial_has_no_verdict_but_what_is_there_is_paired():
    certain = scores({0: 0.81, 1: 0.82, 2: 0.83}, dict.fromkeys(range(3), 0.6))
    (row,) = compare(certain, missing=[("random", 10, 3), ("pretrained", 10, 3)])
    assert (row.verdict, row.p_holm) == ("incomplete", None)
    assert row.gain == compare(certain)[0].gain
    assert compare(certain)[0].verdict == "helps"
    (of_reference,) = compare(certain, missing=[("svm_rbf", 10, 3)])
    assert of_reference.verdict == "helps"


@pytest.mark.parametrize("case", range(200))
def test_no_verdict_is_taken_back_by_trials_that_were_missing(case):
    rng = np.random.default_rng(case)
    drawn = [
        Score(arm, labels, seed, rng.normal(0.5 + (arm == "pretrained") * gain, 0.1))
        for labels, gain in zip((10, 20, 30, 40), rng.uniform(0, 0.3, 4), strict=True)
        for arm in ("pretrained", "random")
        for seed in range(4)
    ]
    late = [score for score in drawn if score.labels > 20 and rng.random() < 0.5]
    there = [score for score in drawn if score not in late]
    early = compare(there, [(score.arm, score.labels, score.seed) for score in late])
    verdicts = {row.labels: row.verdict for row in compare(drawn)}
    for row in early:
        if row.verdict in ("helps", "hurts"):
            assert verdicts[row.labels] == row.verdict


def test_a_budget_without_spread_counts_among_the_budgets_looked_at():
    alone = scores({0: 0.81, 1: 0.82, 2: 0.83, 3: 0.84}, dict.fromkeys(range(4), 0.8))
    flat = scores(dict.fromkeys(range(4), 0.9), dict.fromkeys(range(4), 0.9), labels=20)
    (one,), (beside, _) = compare(alone), compare([*alone, *flat])
    assert beside.p_holm == pytest.approx(2 * one.p_holm)


def test_one_seed_is_no_evidence_however_large_the_gain():
    row = compare(scores({0: 0.99}, {0: 0.01}))[0]
    assert row.gain.mean == pytest.approx(0.98)
    assert (row.gain.interval, row.gain.randomisation, row.p_holm) == (None, None, None)
    assert row.verdict == "no evidence"


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
            for score in scores(*(dict(enumerate(arm)) for arm in pair), labels=labels)
        ]
        called += any(row.verdict != "no evidence" for row in compare(made))
    # Three looks in each run, corrected; five standard deviations of 500 draws above 5 %.
    assert 0 < called < 500 * 0.05 + 5 * sqrt(500 * 0.05 * 0.95)


def test_false_verdicts_of_the_default_config_on_measured_scores():
    """Five seeds, a stack for each, three budgets: as by default, and with no true gain."""
    budgets, measured = measured_digits()
    pretrained, random = measured
    level = np.stack([pretrained - (pretrained - random).mean(axis=0), random])  # no gain
    rng = np.random.default_rng(0)
    called = {"random against random": 0, "pretrained without its gain": 0}
    for _ in range(RUNS):
        two_groups = rng.permutation(random)[:10].reshape(2, 5, -1)
        one_of_each_stack = rng.permutation(10)[:5] + 10 * rng.integers(0, 4, 5)
        for name, curves in zip(called, (two_groups, level[:, one_of_each_stack]), strict=True):
            rows = compare(as_scores(budgets, curves))
            assert [row.stacks for row in rows] == [5, 5, 5]
            called[name] += any(row.verdict != "no evidence" for row in rows)
    most = RUNS * 0.05 + 3 * sqrt(RUNS * 0.05 * 0.95)
    assert all(0 < runs < most for runs in called.values()), called


def test_stacks_that_differ_half_as_much_as_seeds_need_to_be_one_for_each_seed():
    """With one stack for all seeds, verdicts are on that stack, and as on pretraining false."""
    rng = np.random.default_rng(0)

    def false_verdicts(stacks: int) -> float:
        gains = rng.normal(0, 0.01, (RUNS, 5)) + rng.normal(0, 0.005, (RUNS, stacks))
        p_values = [paired_gain(run, np.zeros(5)).p for run in gains]
        return float(np.mean([p < 0.05 for p in p_values]))

    assert false_verdicts(5) < 0.05 + 3 * sqrt(0.05 * 0.95 / RUNS)
    assert false_verdicts(1) > 0.1


# A single seed


def mask(bits: str) -> np.ndarray:
    return np.array([bit == "1" for bit in bits])


def test_mcnemar_of_hand_set_masks():
    # Of 9 rows on which the networks differ 8 are the first one's: 2 x (1 + 9) / 2^9.
    found = mcnemar(mask("1111111101110"), mask("0000000011110"))
    assert found == (8, 1, pytest.approx(20 / 512))


def test_networks_that_agree_do_not_differ():
    assert mcnemar(mask("110"), mask("110")) == (0, 0, 1.0)


def test_a_single_seed_is_compared_test_row_by_test_row():
    made = [
        Score("pretrained", 10, 0, 1.0, correct=lambda: mask("1111")),
        Score("random", 10, 0, 0.5, correct=lambda: mask("1001")),
    ]
    assert compare(made)[0].mcnemar == (2, 0, 0.5)
    assert compare([made[0], made[1]._replace(correct=None)])[0].mcnemar is None


def test_predictions_of_several_seeds_are_not_fetched():
    def refuse() -> np.ndarray:
        raise AssertionError("fetched")

    made = [
        Score(arm, 10, seed, 0.5, correct=refuse)
        for arm in ("pretrained", "random", "frozen")
        for seed in (0, 1)
    ]
    assert compare(made)[0].mcnemar is None


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
def test_one_arm_alone_has_no_gain(arm):
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


def test_the_stacks_of_the_pretrained_arm_are_counted():
    made = scores(dict.fromkeys(range(4), 0.9), dict.fromkeys(range(4), 0.8))
    shared = [score._replace(stack=score.seed % 2) for score in made[:4]]
    assert compare([*shared, *made[4:]])[0].stacks == 2


def test_mean_and_standard_deviation_of_hand_set_scores():
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
        "stacks": 0,
        "correlation": None,
    }
    assert gain["mean"] == 0.5
    assert gain["ci95"] == pytest.approx([0.5 - 12.7062 * 0.25, 0.5 + 12.7062 * 0.25], rel=1e-5)
    assert (gain["p_value"], gain["p_value_exact"]) == (pytest.approx(0.5), True)
    assert gain["p_holm"] == pytest.approx(2 / np.pi * np.arctan2(0.25, 0.5))  # Cauchy at 2
    assert gain["std"] == pytest.approx(0.25 * sqrt(2))
    assert gain["mcnemar"] is None


def test_an_entry_says_null_for_what_cannot_be_known():
    one_seed = comparison_entry(compare(scores({0: 0.75}, {0: 0.5}))[0], "r2")
    assert one_seed["gain"] == {
        "mean": 0.25, "ci95": None, "p_value": None, "p_value_exact": None, "std": 0.0,
        "p_holm": None, "mcnemar": None,
    }  # fmt: skip
    one_arm = comparison_entry(compare(scores({0: 0.75}, {}))[0], "r2")
    assert (one_arm["gain"], one_arm["verdict"]) == (None, None)
