"""The comparison: what the pretrained stack gains over random weights and others, seed by seed."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy

from pipeline.config.arms import CANDIDATE, CONTROL
from pipeline.evaluation.gain import SIGNIFICANCE, Gain, corrected, paired_gain
from pipeline.evaluation.resplit import Resplit

POWER = 0.8
MANY = 1_000_000
"""Seeds that nobody runs."""

Verdict = Literal["helps", "hurts", "no evidence", "incomplete"]


class Score(NamedTuple):
    """The test score of one trial."""

    arm: str
    labels: int
    seed: int
    score: float
    """As people read it."""
    stack: int | None = None
    """The pretrained stack that the trial started from, if it started from one."""
    correct: Callable[[], np.ndarray] | None = None
    """Fetches the mask of correct predictions, bool (test rows,), where there are classes."""
    less_is_better: bool = False

    @property
    def merit(self) -> float:
        """The score turned so that greater is better: gains are differences of it."""
        return -self.score if self.less_is_better else self.score


class ArmScores(NamedTuple):
    """One arm at one label budget."""

    scores: list[float]
    """One for each seed, in the order of the seeds."""
    mean: float
    std: float
    """Sample standard deviation; 0 for one seed."""


class McNemar(NamedTuple):
    """Two networks on the same test rows (McNemar 1947), by the exact binomial test.

    It compares these two networks, not the methods that trained them.
    """

    pretrained_only: int
    """Rows that only the pretrained network predicts correctly."""
    random_only: int
    p_value: float


class Comparison(NamedTuple):
    """All arms at one label budget."""

    labels: int
    arms: dict[str, ArmScores]
    gain: Gain | None
    """Over the random arm; None unless both arms ran."""
    p_holm: float | None
    """`gain.p` corrected for looking at several label budgets (Holm 1979)."""
    against: dict[str, Gain]
    """The gain over each further arm."""
    mcnemar: McNemar | None
    """For a single seed whose predictions are known."""
    verdict: Verdict | None
    """On pretraining, where each seed has a stack of its own; otherwise on these stacks alone.

    `incomplete` while trials of the two arms are missing.
    """
    stacks: int
    """Stacks that the pretrained arm started from."""
    correlation: float | None
    """Of two seeds' gains, where each seed splits the rows anew; None where all share a split."""


def compare(
    scores: Sequence[Score],
    missing: Collection[tuple[str, int, int]] = (),
    resplit: Resplit | None = None,
) -> list[Comparison]:
    """One comparison for each label budget, in ascending order.

    Only seeds that both arms have are paired. Predictions are fetched for a single seed alone.

    `missing` are trials, by arm, labels and seed, that are still to be done. A label budget that
    lacks some of the two arms has no verdict yet. In the correction of the others its p-value
    counts as 1: then none that is to come takes a verdict back.

    With `resplit` intervals and p-values allow for the rows that the splits of two seeds share.
    """
    budgets: dict[int, dict[str, dict[int, Score]]] = defaultdict(lambda: defaultdict(dict))
    for score in scores:
        budgets[score.labels][score.arm][score.seed] = score
    correlations = {labels: resplit and resplit.correlation(labels) for labels in budgets}
    gains = {
        labels: _gain(budgets[labels], CONTROL, correlations[labels]) for labels in sorted(budgets)
    }
    incomplete = {labels for arm, labels, _ in missing if arm in (CANDIDATE, CONTROL)}
    complete = {labels: gain for labels, gain in gains.items() if labels not in incomplete}
    p_holm = corrected(complete, to_come=len(incomplete))
    return [
        Comparison(
            labels,
            {arm: _arm_scores(by_seed) for arm, by_seed in budgets[labels].items()},
            gain,
            p_holm.get(labels),
            {
                arm: found
                for arm in budgets[labels]
                if arm not in (CANDIDATE, CONTROL)
                and (found := _gain(budgets[labels], arm, correlations[labels]))
            },
            _mcnemar_of_one_seed(budgets[labels]),
            "incomplete"
            if labels in incomplete
            else verdict(gain.mean, p_holm.get(labels))
            if gain
            else None,
            _stacks(budgets[labels]),
            correlations[labels],
        )
        for labels, gain in gains.items()
    ]


def mcnemar(pretrained: np.ndarray, random: np.ndarray) -> McNemar:
    """Compare two networks by their masks of correct predictions, bool (test rows,)."""
    first = int(np.sum(pretrained & ~random))
    second = int(np.sum(random & ~pretrained))
    p_value = scipy.stats.binomtest(first, first + second).pvalue if first + second else 1.0
    return McNemar(first, second, float(p_value))


def verdict(mean: float, p_holm: float | None) -> Verdict:
    """`helps` or `hurts` where the corrected p-value says that the gain is not chance."""
    if p_holm is None or p_holm >= SIGNIFICANCE:
        return "no evidence"
    return "helps" if mean > 0 else "hurts"


def seeds_needed(gain: float, std: float, budgets: int, correlation: float = 0.0) -> int | None:
    """Seeds at which a true gain is called `helps` with a probability of 80 %.

    `std` is the standard deviation of the paired differences; the power is that of Student's t
    test (noncentral t), at the strictest level of Holm's method among this number of `budgets`.
    None where seeds are so correlated that a million would not do.
    """
    level = SIGNIFICANCE / budgets

    def power(seeds: int) -> float:
        least = scipy.stats.t.ppf(1 - level / 2, seeds - 1)
        error = std * (1 / seeds + correlation / (1 - correlation)) ** 0.5
        return float(scipy.stats.nct.sf(least, seeds - 1, gain / error))

    most = 2
    while power(most) < POWER:
        if most > MANY:
            return None
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
        "stacks": row.stacks,
        "correlation": row.correlation,
    }


def _gain_entry(gain: Gain) -> dict[str, Any]:
    return {
        "mean": gain.mean,
        "ci95": list(gain.interval) if gain.interval else None,
        "p_value": gain.randomisation and gain.randomisation.p_value,
        "p_value_exact": gain.randomisation and gain.randomisation.exact,
        "std": gain.std,
    }


def _gain(
    by_arm: Mapping[str, Mapping[int, Score]], other: str, correlation: float | None
) -> Gain | None:
    ours, theirs = by_arm.get(CANDIDATE, {}), by_arm.get(other, {})
    seeds = sorted(set(ours) & set(theirs))
    if not seeds:
        return None
    one, two = ([scores[seed].merit for seed in seeds] for scores in (ours, theirs))
    return paired_gain(one, two, correlation or 0.0)


def _stacks(by_arm: Mapping[str, Mapping[int, Score]]) -> int:
    stacks = {score.stack for score in by_arm.get(CANDIDATE, {}).values()}
    return len(stacks - {None})


def _mcnemar_of_one_seed(by_arm: Mapping[str, Mapping[int, Score]]) -> McNemar | None:
    ours, theirs = by_arm.get(CANDIDATE, {}), by_arm.get(CONTROL, {})
    if len(ours) != 1 or ours.keys() != theirs.keys():
        return None
    (first,), (second,) = ours.values(), theirs.values()
    return mcnemar(first.correct(), second.correct()) if first.correct and second.correct else None


def _arm_scores(by_seed: Mapping[int, Score]) -> ArmScores:
    scores = [by_seed[seed].score for seed in sorted(by_seed)]
    std = float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0
    return ArmScores(scores, float(np.mean(scores)), std)
