"""Two tracked runs against each other, arm by arm."""

from collections.abc import Mapping
from math import comb
from typing import Any, NamedTuple

import numpy as np
import scipy

from pipeline.errors import InputError
from pipeline.evaluation.gain import (
    CONFIDENCE,
    EQUAL,
    Gain,
    Randomisation,
    corrected,
    paired_gain,
)
from pipeline.evaluation.metrics import merit
from pipeline.evaluation.summary import Summary


class Difference(NamedTuple):
    """One arm at one label budget: how much better the second run's score is than the first's."""

    labels: int
    arm: str
    first: float
    """Mean score over seeds."""
    second: float
    gain: Gain
    p_holm: float | None
    """`gain.p` corrected for the number of differences looked at (Holm 1979)."""


class Differences(NamedTuple):
    """The differences of two runs, and of their settings."""

    paired: bool
    """Whether both had the same rows, splits and seed, so that seeds see the same labels."""
    rows: list[Difference]
    settings: dict[str, tuple[Any, Any]]
    """Settings that differ, by their dotted name: the first run's value, the second's."""


def differences(
    first: Summary,
    second: Summary,
    first_config: Mapping[str, Any],
    second_config: Mapping[str, Any],
) -> Differences:
    """Compare every arm at every label budget that both runs have.

    On the same rows, splits and seed the runs are paired seed by seed; otherwise Welch's t test
    compares two independent groups of seeds. Raises `InputError` for different metrics and where
    there is nothing in common.
    """
    if first["metric"] != second["metric"]:
        raise InputError(
            "Runs must be scored alike to be compared. "
            f"Given: {first['metric']} and {second['metric']}."
        )
    metric = first["metric"]
    paired = first["data"]["key"] == second["data"]["key"]
    before = {row["labels"]: row["arms"] for row in first["comparison"]}
    found: dict[tuple[int, str], tuple[float, float, Gain]] = {}
    for row in second["comparison"]:
        for arm, scores in row["arms"].items():
            earlier = before.get(row["labels"], {}).get(arm)
            if earlier:
                merits = [[merit(metric, s) for s in run[metric]] for run in (scores, earlier)]
                gain = (_paired if paired else _unpaired)(*merits)
                found[row["labels"], arm] = (earlier["mean"], scores["mean"], gain)
    if not found:
        raise InputError(
            "Runs must have an arm and a label budget in common. Label budgets given: "
            f"{sorted(before)} and {[row['labels'] for row in second['comparison']]}."
        )
    p_holm = corrected({at: gain for at, (*_, gain) in found.items()})
    rows = [
        Difference(*at, mean_before, mean, gain, p_holm.get(at))
        for at, (mean_before, mean, gain) in found.items()
    ]
    return Differences(paired, rows, _different(first_config, second_config))


def _paired(scores: list[float], earlier: list[float]) -> Gain:
    seeds = min(len(scores), len(earlier))
    return paired_gain(scores[:seeds], earlier[:seeds])


def _unpaired(scores: list[float], earlier: list[float]) -> Gain:
    mean = sum(scores) / len(scores) - sum(earlier) / len(earlier)
    if min(len(scores), len(earlier)) < 2:
        return Gain(mean, None, None, None, 0.0)
    if max(np.ptp(scores), np.ptp(earlier)) <= EQUAL:
        return Gain(mean, None, _regrouped(mean, len(scores), len(earlier)), None, 0.0)
    welch = scipy.stats.ttest_ind(scores, earlier, equal_var=False)
    low, high = welch.confidence_interval(CONFIDENCE)
    return Gain(mean, (float(low), float(high)), None, float(welch.pvalue), 0.0)


def _regrouped(mean: float, first: int, second: int) -> Randomisation:
    """The exact randomisation test for two groups that are constant each.

    Of all ways to choose who belongs to which group only the observed one is as far apart in this
    direction; two-sided is twice that.
    """
    p_value = 2 / comb(first + second, first) if abs(mean) > EQUAL else 1.0
    return Randomisation(p_value, exact=True)


def _different(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    one, two = _flat(first), _flat(second)
    names = [*one, *(name for name in two if name not in one)]
    return {
        name: (one.get(name), two.get(name)) for name in names if one.get(name) != two.get(name)
    }


def _flat(tree: Any, name: str = "") -> dict[str, Any]:
    """A config tree by dotted names, list items by position; lists of plain values stay whole."""
    if isinstance(tree, Mapping):
        items = [(str(key), value) for key, value in tree.items()]
    elif isinstance(tree, list) and any(isinstance(item, Mapping) for item in tree):
        items = [(str(position), value) for position, value in enumerate(tree)]
    else:
        return {name: tree}
    return {
        dotted: value
        for key, inner in items
        for dotted, value in _flat(inner, f"{name}.{key}" if name else key).items()
    }
