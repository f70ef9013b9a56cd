"""How many labels pretraining saved: where the control's learning curve reaches the candidate's.

An arm's curve is its mean score over the logarithm of the labels, made monotone by isotonic
regression (Barlow et al. 1972) and straight between budgets. The interval holds all label numbers
that a paired t test of candidate and control does not reject (Fieller 1954): at each of them the
control's score is a weighted mean of two budgets, so that the test is exact where Student's is.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy

from pipeline.config.arms import CANDIDATE, CONTROL
from pipeline.evaluation.compare import Score
from pipeline.evaluation.gain import EQUAL, half_interval
from pipeline.evaluation.resplit import Resplit

PLACES = 400
"""Label numbers between two budgets at which candidate and control are compared."""


class LabelSaving(NamedTuple):
    """The labels that the control needs to score what the candidate scores at a label budget.

    Nothing is known beyond the budgets that ran: a value equal to the least budget means that many
    or fewer, one equal to the largest means that many or more.
    """

    labels: int
    """The candidate's label budget."""
    equals: float
    """The control's labels for the same score."""
    interval: tuple[float, float] | None
    """95 % interval of `equals`; None for one seed."""
    bound: Literal["at most", "at least"] | None
    """Whether `equals` is at an end of the budgets that ran, and so only a bound."""


def label_savings(scores: Sequence[Score], resplit: Resplit | None = None) -> list[LabelSaving]:
    """One for each label budget at which every seed ran in both arms; none below two budgets.

    With `resplit` intervals allow for the rows that the splits of two seeds share.
    """
    tables = [_table(scores, arm) for arm in (CANDIDATE, CONTROL)]
    budgets = sorted(set(tables[0]) & set(tables[1]))
    if len(budgets) < 2:
        return []
    seeds = sorted(set.intersection(*(set(table[b]) for table in tables for b in budgets)))
    if not seeds:
        return []
    candidate, control = (
        _monotone(np.array([[table[labels][seed] for labels in budgets] for seed in seeds]))
        for table in tables
    )
    savings = []
    for budget, ours in zip(budgets, candidate.T, strict=True):
        equals = _same_score(budgets, ours.mean(), control.mean(axis=0))
        interval = _interval(budgets, budget, ours, control, resplit) if len(seeds) > 1 else None
        savings.append(LabelSaving(budget, equals, interval, _bound(budgets, equals)))
    return savings


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
    """The merits of an arm by label budget and seed."""
    table: dict[int, dict[int, float]] = defaultdict(dict)
    for score in scores:
        if score.arm == arm:
            table[score.labels][score.seed] = score.merit
    return table


def _monotone(scores: np.ndarray) -> np.ndarray:
    """Scores (seeds, budgets), averaged over those budgets between which their mean would fall."""
    blocks = scipy.optimize.isotonic_regression(scores.mean(axis=0)).blocks
    sizes = np.diff(blocks)
    return np.repeat(np.add.reduceat(scores, blocks[:-1], axis=1) / sizes, sizes, axis=1)


def _same_score(budgets: Sequence[int], ours: float, control: np.ndarray) -> float:
    """Where the control's mean curve (budgets,) first reaches a score, in labels."""
    heights, first = np.unique(control.round(12), return_index=True)
    return _labels(np.interp(ours, heights, np.log(budgets)[first]))


def _interval(
    budgets: Sequence[int],
    budget: int,
    ours: np.ndarray,
    control: np.ndarray,
    resplit: Resplit | None,
) -> tuple[float, float]:
    """The label numbers at which the seeds' scores (seeds,) and the control's do not differ.

    Ours are of a `budget`, `control` is (seeds, budgets). From the first place where ours are not
    significantly above it to the last where they are not significantly below.
    """
    ends = np.log(budgets)
    places = np.unique([np.linspace(*pair, PLACES) for pair in pairwise(ends)])
    theirs = np.array([np.interp(places, ends, curve) for curve in control])
    gains = ours[:, np.newaxis] - theirs
    alike: float | np.ndarray = 0.0
    if resplit:
        alike = np.array([resplit.correlation(max(budget, n)) for n in np.exp(places)])
    mean, half = gains.mean(axis=0), half_interval(gains, alike)
    low = _first_not_above(places, mean - half)
    high = _first_not_above(places[::-1], -(mean + half)[::-1])
    return _labels(low), _labels(high)


def _first_not_above(places: np.ndarray, values: np.ndarray) -> float:
    """The first place at which a value is 0 or less, straight between places; else the last."""
    found = np.flatnonzero(values <= EQUAL)
    if not len(found):
        return float(places[-1])
    if found[0] == 0:
        return float(places[0])
    before, at = found[0] - 1, found[0]
    share = min(1.0, values[before] / (values[before] - values[at]))
    return float(places[before] + share * (places[at] - places[before]))


def _labels(log_labels: float) -> float:
    """Rounded, so that a budget comes back as itself."""
    return float(np.exp(log_labels).round(6))
