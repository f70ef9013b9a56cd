"""The comparison: what the pretrained stack gains over random weights, seed by seed."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
BASELINE = "random"
CANDIDATE = "pretrained"
EQUAL = 1e-9
"""Differences of scores that are closer than this differ by rounding only."""

Verdict = Literal["helps", "hurts", "no evidence"]


class Score(NamedTuple):
    """The test score of one trial."""

    arm: str
    labels: int
    seed: int
    score: float


class ArmScores(NamedTuple):
    """One arm at one label budget."""

    scores: list[float]
    """One for each seed, in the order of the seeds."""
    mean: float
    std: float
    """Sample standard deviation; 0 for one seed."""


class Gain(NamedTuple):
    """Paired difference, pretrained minus random, over seeds."""

    mean: float
    interval: tuple[float, float] | None
    """95 % interval of the mean from Student's t over the paired differences.

    None for one seed, and where all differences are equal: no spread, no interval.
    """
    p_value: float | None
    """Exact two-sided sign-flip test (Fisher's randomisation test) of no difference."""


class Comparison(NamedTuple):
    """All arms at one label budget."""

    labels: int
    arms: dict[str, ArmScores]
    gain: Gain | None
    """None unless both the pretrained and the random arm ran."""
    verdict: Verdict | None


def compare(scores: Sequence[Score]) -> list[Comparison]:
    """One comparison for each label budget, in ascending order.

    Only seeds that both arms have are paired.
    """
    budgets: dict[int, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for score in scores:
        budgets[score.labels][score.arm][score.seed] = score.score
    return [_compare(labels, budgets[labels]) for labels in sorted(budgets)]


def _compare(labels: int, by_arm: dict[str, dict[int, float]]) -> Comparison:
    arms = {
        arm: _arm_scores([by_seed[seed] for seed in sorted(by_seed)])
        for arm, by_seed in by_arm.items()
    }
    seeds = sorted(set(by_arm.get(CANDIDATE, {})) & set(by_arm.get(BASELINE, {})))
    if not seeds:
        return Comparison(labels, arms, None, None)
    gain = paired_gain(
        [by_arm[CANDIDATE][seed] for seed in seeds], [by_arm[BASELINE][seed] for seed in seeds]
    )
    return Comparison(labels, arms, gain, verdict(gain))


def paired_gain(candidate: Sequence[float], baseline: Sequence[float]) -> Gain:
    """The gain of a candidate over a baseline on the same seeds, in the same order."""
    differences = np.subtract(candidate, baseline)
    mean = float(differences.mean())
    if len(differences) < 2:
        return Gain(mean, None, None)
    interval = None
    if np.ptp(differences) > EQUAL:
        result = stats.ttest_1samp(differences, 0.0).confidence_interval(CONFIDENCE)
        interval = (float(result.low), float(result.high))
    test = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=2**14, rng=0
    )
    return Gain(mean, interval, float(test.pvalue))


def verdict(gain: Gain) -> Verdict:
    """`helps` or `hurts` where there is an interval and it lies on one side of zero."""
    if gain.interval is None:
        return "no evidence"
    low, high = gain.interval
    return "helps" if low > 0 else "hurts" if high < 0 else "no evidence"


def comparison_entry(row: Comparison, metric: str) -> dict[str, Any]:
    """One label budget for JSON."""
    gain = row.gain and {
        "mean": row.gain.mean,
        "ci95": list(row.gain.interval) if row.gain.interval else None,
        "p_value": row.gain.p_value,
    }
    return {
        "labels": row.labels,
        "arms": {
            arm: {metric: scores.scores, "mean": scores.mean, "std": scores.std}
            for arm, scores in row.arms.items()
        },
        "gain": gain,
        "verdict": row.verdict,
    }


def _arm_scores(scores: list[float]) -> ArmScores:
    std = float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0
    return ArmScores(scores, float(np.mean(scores)), std)
