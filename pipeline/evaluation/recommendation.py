"""Which arm or reference model to use, by a rule on scores and costs.

The best mean on the test rows, unless a cheaper one is as good: it is as good where the whole
interval of its paired difference from the best lies above minus the margin.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.evaluation.gain import Gain, paired_gain
from pipeline.evaluation.metrics import DECIBELS, METRICS, UNITS_OF_THE_TARGET

MARGIN = 0.01
"""One point of a metric in per cent, as much of others; of errors this share of the best's."""

DECIBEL = 0.1
"""Of metrics in decibels: two per cent of the error."""


class Cost(NamedTuple):
    """Seconds that it takes to make one model."""

    pretraining: float
    """Of the stack that it starts from; 0 without one."""
    training: float

    @property
    def seconds(self) -> float:
        """All together."""
        return self.pretraining + self.training


class Option(NamedTuple):
    """An arm or a reference model at one label budget."""

    name: str
    mean: float
    cost: Cost
    behind: Gain | None
    """Its score minus that of the best, greater being better; None of the best itself."""


class Recommendation(NamedTuple):
    """What to use at one label budget."""

    labels: int
    use: Option
    best: Option
    others: tuple[Option, ...]
    """All but the best, the next best first."""

    @property
    def cheaper(self) -> Option | None:
        """The cheapest of those that cost less and that chance may put behind the best."""
        found = [
            option
            for option in self.others
            if option.cost.seconds < self.use.cost.seconds
            and option.behind
            and may_be_chance(option.behind)
        ]
        return min(found, key=lambda option: option.cost.seconds, default=None)


def recommendation(
    row: Mapping[str, Any], metric: str, costs: Mapping[str, Cost]
) -> Recommendation:
    """Of one label budget of the comparison.

    Arms that lack seeds which another has are left out: their scores are of other rows and labels.
    """
    merit = METRICS[metric].merit
    scores = {arm: [merit(score) for score in entry[metric]] for arm, entry in row["arms"].items()}
    seeds = max(map(len, scores.values()))
    whole = {arm: of_arm for arm, of_arm in scores.items() if len(of_arm) == seeds}
    ranked = sorted(whole, key=lambda arm: -sum(whole[arm]))
    best, *others = (
        Option(
            arm,
            row["arms"][arm]["mean"],
            costs[arm],
            _behind(whole[arm], whole[ranked[0]], row) if arm != ranked[0] else None,
        )
        for arm in ranked
    )
    bound = margin(metric, best.mean)
    as_good = [option for option in others if _is_as_good(option.behind, bound)]
    use = min((best, *as_good), key=lambda option: option.cost.seconds)
    return Recommendation(row["labels"], use, best, tuple(others))


def margin(metric: str, best: float) -> float:
    """How far behind the best score another may be and still be as good."""
    if metric in UNITS_OF_THE_TARGET:
        return MARGIN * abs(best)
    return DECIBEL if metric in DECIBELS else MARGIN


def may_be_chance(behind: Gain) -> bool:
    """Whether its interval holds zero; of one seed too nothing is known."""
    if behind.interval:
        return behind.interval[1] >= 0
    return behind.randomisation is None or behind.mean == 0


def _behind(scores: Sequence[float], best: Sequence[float], row: Mapping[str, Any]) -> Gain:
    return paired_gain(scores, best, row["correlation"] or 0.0)


def _is_as_good(behind: Gain | None, bound: float) -> bool:
    """Whether it is shown to be; one seed shows nothing, seeds all alike what they are."""
    if not behind or (behind.interval is None and behind.randomisation is None):
        return False
    least = behind.interval[0] if behind.interval else behind.mean
    return least > -bound
