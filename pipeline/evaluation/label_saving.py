"""How many labels pretraining saved: where the baseline's learning curve reaches the candidate's.

An arm's curve is its mean score over the logarithm of the labels, made monotone by isotonic
regression (Barlow et al. 1972) and straight between budgets.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy

from pipeline.evaluation.compare import CANDIDATE, CONTROL, Score
from pipeline.evaluation.gain import CONFIDENCE

RESAMPLES = 2000


class LabelSaving(NamedTuple):
    """The labels that the baseline needs to score what the candidate scores at a label budget.

    Nothing is known beyond the budgets that ran: a value equal to the least budget means that many
    or fewer, one equal to the largest means that many or more.
    """

    labels: int
    """The candidate's label budget."""
    equals: float
    """The baseline's labels for the same score."""
    interval: tuple[float, float] | None
    """95 % percentile interval of `equals`, seeds drawn with replacement; None for one seed."""
    bound: Literal["at most", "at least"] | None
    """Whether `equals` is at an end of the budgets that ran, and so only a bound."""


def label_savings(scores: Sequence[Score]) -> list[LabelSaving]:
    """One for each label budget at which every seed ran in both arms; none below two budgets."""
    tables = [_table(scores, arm) for arm in (CANDIDATE, CONTROL)]
    budgets = sorted(set(tables[0]) & set(tables[1]))
    if len(budgets) < 2:
        return []
    seeds = sorted(set.intersection(*(set(table[b]) for table in tables for b in budgets)))
    if not seeds:
        return []
    candidate, baseline = (
        np.array([[table[labels][seed] for labels in budgets] for seed in seeds])
        for table in tables
    )

    def equals(rows: np.ndarray) -> np.ndarray:
        return _same_score(budgets, candidate[rows].mean(axis=0), baseline[rows].mean(axis=0))

    everyone = np.arange(len(seeds))
    found = equals(everyone)
    if len(seeds) < 2:
        return [
            LabelSaving(b, float(n), None, _bound(budgets, n))
            for b, n in zip(budgets, found, strict=True)
        ]
    interval = scipy.stats.bootstrap(
        (everyone,),
        equals,
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        method="percentile",
        vectorized=False,
        rng=0,
    ).confidence_interval
    return [
        LabelSaving(budget, float(number), (float(low), float(high)), _bound(budgets, number))
        for budget, number, low, high in zip(
            budgets, found, interval.low, interval.high, strict=True
        )
    ]


def label_saving_entry(saving: LabelSaving) -> dict[str, Any]:
    """One label budget for JSON."""
    return {
        "labels": saving.labels,
        "equals": saving.equals,
        "bound": saving.bound,
        "ci95": list(saving.interval) if saving.interval else None,
        "times": saving.equals / saving.labels,
    }


def _bound(budgets: Sequence[int], number: float) -> Literal["at most", "at least"] | None:
    return "at most" if number <= budgets[0] else "at least" if number >= budgets[-1] else None


def _table(scores: Sequence[Score], arm: str) -> dict[int, dict[int, float]]:
    """The scores of an arm by label budget and seed."""
    table: dict[int, dict[int, float]] = defaultdict(dict)
    for score in scores:
        if score.arm == arm:
            table[score.labels][score.seed] = score.score
    return table


def _same_score(budgets: Sequence[int], candidate: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Where the baseline's curve first reaches each point of the candidate's, in labels."""
    reached = scipy.optimize.isotonic_regression(candidate).x
    heights, first = np.unique(scipy.optimize.isotonic_regression(baseline).x, return_index=True)
    # Rounded, so that a budget comes back as itself.
    return np.exp(np.interp(reached, heights, np.log(np.asarray(budgets))[first])).round(6)
