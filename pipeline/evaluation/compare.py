"""The comparison: what the pretrained stack gains over random weights and others, seed by seed."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import scipy  # its parts are imported when first used: that takes most of a second

SIGNIFICANCE = 0.05
CONFIDENCE = 1 - SIGNIFICANCE
BASELINE = "random"
CANDIDATE = "pretrained"
POWER = 0.8
EQUAL = 1e-9
"""Differences of scores that are closer than this differ by rounding only."""

Name = TypeVar("Name", bound=Hashable)
Verdict = Literal["helps", "hurts", "no evidence"]


class Score(NamedTuple):
    """The test score of one trial."""

    arm: str
    labels: int
    seed: int
    score: float
    right: np.ndarray | None = None
    """Which test rows are classified rightly, bool (rows,), where that is known."""


class ArmScores(NamedTuple):
    """One arm at one label budget."""

    scores: list[float]
    """One for each seed, in the order of the seeds."""
    mean: float
    std: float
    """Sample standard deviation; 0 for one seed."""


class Gain(NamedTuple):
    """Paired difference, pretrained minus another arm, over seeds."""

    mean: float
    interval: tuple[float, float] | None
    """95 % interval of the mean from Student's t over the paired differences.

    None for one seed, and where all differences are equal: no spread, no interval.
    """
    p_value: float | None
    """Exact two-sided sign-flip test (Fisher's randomisation test) of no difference."""
    p_student: float | None
    """Two-sided Student's t test of the same, where there is an interval."""
    std: float
    """Sample standard deviation of the differences; 0 for one seed."""


class McNemar(NamedTuple):
    """Two networks on the same test rows (McNemar 1947), by the exact binomial test.

    It tells whether these two networks differ, not whether the methods that trained them do.
    """

    pretrained_only: int
    """Rows that only the pretrained network gets right."""
    random_only: int
    p_value: float


class Comparison(NamedTuple):
    """All arms at one label budget."""

    labels: int
    arms: dict[str, ArmScores]
    gain: Gain | None
    """Over the random arm; None unless both arms ran."""
    p_holm: float | None
    """`gain.p_student` corrected for looking at several label budgets (Holm 1979)."""
    against: dict[str, Gain]
    """The gain over each further arm."""
    mcnemar: McNemar | None
    """For a single seed whose predictions are known."""
    verdict: Verdict | None


def compare(scores: Sequence[Score]) -> list[Comparison]:
    """One comparison for each label budget, in ascending order.

    Only seeds that both arms have are paired.
    """
    budgets: dict[int, dict[str, dict[int, Score]]] = defaultdict(lambda: defaultdict(dict))
    for score in scores:
        budgets[score.labels][score.arm][score.seed] = score
    gains = {labels: _gain(budgets[labels], BASELINE) for labels in sorted(budgets)}
    corrected = holm({labels: g.p_student for labels, g in gains.items() if g and g.p_student})
    return [
        Comparison(
            labels,
            {arm: _arm_scores(by_seed) for arm, by_seed in budgets[labels].items()},
            gain,
            corrected.get(labels),
            {
                arm: found
                for arm in budgets[labels]
                if arm not in (CANDIDATE, BASELINE) and (found := _gain(budgets[labels], arm))
            },
            _mcnemar_of_one_seed(budgets[labels]),
            verdict(gain.mean, corrected.get(labels)) if gain else None,
        )
        for labels, gain in gains.items()
    ]


def paired_gain(candidate: Sequence[float], baseline: Sequence[float]) -> Gain:
    """The gain of a candidate over a baseline on the same seeds, in the same order."""
    differences = np.subtract(candidate, baseline)
    mean = float(differences.mean())
    if len(differences) < 2:
        return Gain(mean, None, None, None, 0.0)
    flips = scipy.stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=2**14, rng=0
    )
    if np.ptp(differences) <= EQUAL:
        return Gain(mean, None, float(flips.pvalue), None, 0.0)
    student = scipy.stats.ttest_1samp(differences, 0.0)
    low, high = student.confidence_interval(CONFIDENCE)
    return Gain(
        mean,
        (float(low), float(high)),
        float(flips.pvalue),
        float(student.pvalue),
        float(differences.std(ddof=1)),
    )


def holm(p_values: Mapping[Name, float]) -> dict[Name, float]:
    """P-values corrected for being several, by Holm's step-down method (1979)."""
    ascending = sorted(p_values, key=lambda name: p_values[name])
    steps = [
        min(1.0, (len(ascending) - rank) * p_values[name]) for rank, name in enumerate(ascending)
    ]
    return dict(zip(ascending, np.maximum.accumulate(steps).tolist(), strict=True))


def mcnemar(candidate_right: np.ndarray, baseline_right: np.ndarray) -> McNemar:
    """Compare two networks by the test rows (bool, one each) that only one of them gets right."""
    first = int(np.sum(candidate_right & ~baseline_right))
    second = int(np.sum(baseline_right & ~candidate_right))
    p_value = scipy.stats.binomtest(first, first + second).pvalue if first + second else 1.0
    return McNemar(first, second, float(p_value))


def verdict(mean: float, p_holm: float | None) -> Verdict:
    """`helps` or `hurts` where the corrected p-value says that the gain is not chance."""
    if p_holm is None or p_holm >= SIGNIFICANCE:
        return "no evidence"
    return "helps" if mean > 0 else "hurts"


def seeds_needed(gain: float, std: float, budgets: int) -> int:
    """Seeds at which a true gain is called `helps` with a probability of 80 %.

    `std` is the deviation of the paired differences; the power is that of Student's t test
    (noncentral t), at the strictest level that Holm's method asks for among so many label budgets.
    """
    level = SIGNIFICANCE / budgets

    def power(seeds: int) -> float:
        least = scipy.stats.t.ppf(1 - level / 2, seeds - 1)
        return float(scipy.stats.nct.sf(least, seeds - 1, gain / std * seeds**0.5))

    most = 2
    while power(most) < POWER:
        most *= 2
    return bisect_left(range(most + 1), POWER, lo=2, key=power)


def comparison_entry(row: Comparison, metric: str) -> dict[str, Any]:
    """One label budget for JSON."""
    gain = row.gain and {
        **_gain_entry(row.gain),
        "p_holm": row.p_holm,
        "mcnemar": row.mcnemar and row.mcnemar._asdict(),
    }
    return {
        "labels": row.labels,
        "arms": {
            arm: {metric: scores.scores, "mean": scores.mean, "std": scores.std}
            for arm, scores in row.arms.items()
        },
        "gain": gain,
        "against": {arm: _gain_entry(other) for arm, other in row.against.items()},
        "verdict": row.verdict,
    }


def _gain_entry(gain: Gain) -> dict[str, Any]:
    return {
        "mean": gain.mean,
        "ci95": list(gain.interval) if gain.interval else None,
        "p_value": gain.p_value,
        "std": gain.std,
    }


def _gain(by_arm: Mapping[str, Mapping[int, Score]], other: str) -> Gain | None:
    candidate, baseline = by_arm.get(CANDIDATE, {}), by_arm.get(other, {})
    seeds = sorted(set(candidate) & set(baseline))
    if not seeds:
        return None
    return paired_gain(
        [candidate[seed].score for seed in seeds], [baseline[seed].score for seed in seeds]
    )


def _mcnemar_of_one_seed(by_arm: Mapping[str, Mapping[int, Score]]) -> McNemar | None:
    pairs = [list(by_arm.get(arm, {}).values()) for arm in (CANDIDATE, BASELINE)]
    if [len(pair) for pair in pairs] != [1, 1]:
        return None
    first, second = pairs[0][0].right, pairs[1][0].right
    return None if first is None or second is None else mcnemar(first, second)


def _arm_scores(by_seed: Mapping[int, Score]) -> ArmScores:
    scores = [by_seed[seed].score for seed in sorted(by_seed)]
    std = float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0
    return ArmScores(scores, float(np.mean(scores)), std)
