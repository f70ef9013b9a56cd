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
    variance_of_mean,
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
    compares two independent groups of seeds. Where a run split its rows anew for each seed, its
    mean varies by more than its seeds say. Raises `InputError` for different metrics and where
    there is nothing in common.
    """
    if first["metric"] != second["metric"]:
        raise InputError(
            "Runs must be scored alike to be compared. "
            f"Given: {first['metric']} and {second['metric']}."
        )
    metric = first["metric"]
    paired = first["data"]["key"] == second["data"]["key"]
    before = {row["labels"]: row for row in first["comparison"]}
    found: dict[tuple[int, str], tuple[float, float, Gain]] = {}
    for row in second["comparison"]:
        other = before.get(row["labels"])
        for arm, scores in row["arms"].items():
            if other and (earlier := other["arms"].get(arm)):
                one, two = ([merit(metric, s) for s in run[metric]] for run in (scores, earlier))
                alike = [run["correlation"] or 0.0 for run in (row, other)]
                gain = _paired(one, two, alike[0]) if paired else _unpaired(one, two, *alike)
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


def _paired(scores: list[float], earlier: list[float], correlation: float) -> Gain:
    seeds = min(len(scores), len(earlier))
    return paired_gain(scores[:seeds], earlier[:seeds], correlation)


def _unpaired(
    scores: list[float], earlier: list[float], of_scores: float, of_earlier: float
) -> Gain:
    """With the correlation of two seeds of each."""
    mean = sum(scores) / len(scores) - sum(earlier) / len(earlier)
    if min(len(scores), len(earlier)) < 2:
        return Gain(mean, None, None, None, 0.0)
    if max(np.ptp(scores), np.ptp(earlier)) <= EQUAL:
        correlated = of_scores or of_earlier  # then who belongs to which group is no coin's toss
        test = None if correlated else _regrouped(mean, len(scores), len(earlier))
        return Gain(mean, None, test, None, 0.0)
    first = float(variance_of_mean(np.array(scores), of_scores))
    second = float(variance_of_mean(np.array(earlier), of_earlier))
    error = (first + second) ** 0.5
    free = error**4 / (first**2 / (len(scores) - 1) + second**2 / (len(earlier) - 1))
    half = float(scipy.stats.t.ppf((1 + CONFIDENCE) / 2, free)) * error
    p_value = float(2 * scipy.stats.t.sf(abs(mean) / error, free))
    return Gain(mean, (mean - half, mean + half), None, p_value, 0.0)


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
