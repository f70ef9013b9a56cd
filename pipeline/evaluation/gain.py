"""The gain of one arm over another on the same seeds: its mean, interval and p-values."""

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import scipy  # its parts are imported when first used: that takes most of a second

SIGNIFICANCE = 0.05
CONFIDENCE = 1 - SIGNIFICANCE
EQUAL = 1e-9
"""Differences of scores that are closer than this differ by rounding only."""
EXACT_SEEDS = 20
"""Up to here the sign-flip test sums every pattern of signs: 2^20 of them take some 10 ms."""
DRAWN_PATTERNS = 100_000

Name = TypeVar("Name", bound=Hashable)


class Randomisation(NamedTuple):
    """Fisher's two-sided randomisation test of no difference."""

    p_value: float
    exact: bool
    """Over every pattern; if not, over patterns drawn at random."""


class Gain(NamedTuple):
    """Paired difference, one arm minus another, over seeds."""

    mean: float
    interval: tuple[float, float] | None
    """95 % interval of the mean from Student's t over the paired differences.

    None for one seed, and where all differences are equal: no spread, no interval.
    """
    randomisation: Randomisation | None
    """Sign flips of paired differences; of groups that are not paired, who belongs to which.

    None for one seed, for groups with spread, and for seeds that are correlated.
    """
    p_student: float | None
    """Two-sided t test of no difference (Student's, Welch's if not paired), if there is spread."""
    std: float
    """Sample standard deviation of the differences; 0 for one seed."""

    @property
    def p(self) -> float | None:
        """What a verdict rests on: the t test, or without spread the randomisation test."""
        if self.p_student is not None:
            return self.p_student
        return self.randomisation.p_value if self.randomisation else None


def paired_gain(
    candidate: Sequence[float], other: Sequence[float], correlation: float = 0.0
) -> Gain:
    """The gain of a candidate over another arm on the same seeds, in the same order.

    `correlation` is that of two seeds' differences; a sign of one then says something of another's.
    """
    differences = np.subtract(candidate, other)
    mean = float(differences.mean())
    if len(differences) < 2:
        return Gain(mean, None, None, None, 0.0)
    flips = None if correlation else sign_flip_test(differences)
    if np.ptp(differences) <= EQUAL:
        return Gain(mean, None, flips, None, 0.0)
    half = float(half_interval(differences, correlation))
    t = mean / float(variance_of_mean(differences, correlation)) ** 0.5
    return Gain(
        mean,
        (mean - half, mean + half),
        flips,
        float(2 * scipy.stats.t.sf(abs(t), len(differences) - 1)),
        float(differences.std(ddof=1)),
    )


def half_interval(values: np.ndarray, correlation: float | np.ndarray = 0.0) -> np.ndarray:
    """Half the 95 % interval of the mean over the first axis, by Student's t."""
    t = scipy.stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)
    return t * np.sqrt(variance_of_mean(values, correlation))


def variance_of_mean(values: np.ndarray, correlation: float | np.ndarray = 0.0) -> np.ndarray:
    """The variance of the mean over the first axis, from that between values.

    Of values with a correlation r that between them is 1 - r of each one's own (Nadeau and Bengio
    2003, equation 5): they vary less than their mean does.
    """
    share = 1 / len(values) + correlation / (1 - np.asarray(correlation))
    return np.var(values, axis=0, ddof=1) * share


def sign_flip_test(differences: np.ndarray) -> Randomisation:
    """How often a mean as far from zero comes about when each sign is a coin's toss (Fisher 1935).

    Exact up to `EXACT_SEEDS` differences; above, patterns are drawn with a fixed seed, and the
    observed one counts among them (Phipson and Smyth 2010).
    """
    seeds = len(differences)
    least = abs(differences.mean()) - EQUAL
    if seeds <= EXACT_SEEDS:
        sums = differences[:1]  # the first sign stays: patterns come in pairs of opposite sums
        for difference in differences[1:]:
            sums = np.concatenate([sums + difference, sums - difference])
        return Randomisation(float(np.mean(np.abs(sums) / seeds >= least)), exact=True)
    rng = np.random.default_rng(0)
    sums = np.zeros(DRAWN_PATTERNS)
    for difference in differences:  # one by one, so that a thousand seeds fit in memory
        sums += difference * rng.choice((-1, 1), DRAWN_PATTERNS)
    as_far = int(np.sum(np.abs(sums) / seeds >= least))
    return Randomisation((as_far + 1) / (DRAWN_PATTERNS + 1), exact=False)


def holm(p_values: Mapping[Name, float], to_come: int = 0) -> dict[Name, float]:
    """P-values corrected for being several, by Holm's step-down method (1979).

    Those `to_come` count as 1.
    """
    ascending = sorted(p_values, key=lambda name: p_values[name])
    steps = [
        min(1.0, (len(ascending) + to_come - rank) * p_values[name])
        for rank, name in enumerate(ascending)
    ]
    return dict(zip(ascending, np.maximum.accumulate(steps).tolist(), strict=True))


def corrected(gains: Mapping[Name, Gain | None], to_come: int = 0) -> dict[Name, float]:
    """Holm's correction of the p-values that these gains have; a gain without one is left out."""
    return holm({n: g.p for n, g in gains.items() if g and g.p is not None}, to_come)
