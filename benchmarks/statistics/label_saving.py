"""How often 95 % intervals of the label saving hold the true number, by how they are made.

`python -m benchmarks.statistics.label_saving` draws 2,000 runs of five and of ten seeds from scores
whose true answer is known, and prints coverage and median width (upper end over lower). Draws whose
answer is at a bound are left out. What `layerwise` has is compared with the percentile bootstrap,
the bias-corrected and accelerated one (Efron 1987), both over seeds, and with Student's t of the
jackknife's pseudo-values on the logarithm of the labels (Tukey 1958).
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy import stats

from pipeline.evaluation.label_saving import label_savings
from tests.pipeline.evaluation.measured import as_scores, measured_digits

DRAWS = 2000
RESAMPLES = 1000
SEEDS = (5, 10)

Draw = Callable[[np.random.Generator, int], np.ndarray]
"""Scores (arms, seeds, budgets) of a run of so many seeds."""


class Population(NamedTuple):
    """Runs whose true label saving is known."""

    name: str
    budgets: list[int]
    means: np.ndarray
    """Of pretrained and random, (arms, budgets)."""
    draw: Draw


def measured() -> Population:
    """Seeds drawn, with replacement, from forty that ran on digits."""
    budgets, scores = measured_digits()

    def draw(rng: np.random.Generator, seeds: int) -> np.ndarray:
        return scores[:, rng.integers(0, scores.shape[1], seeds)]

    return Population("digits, measured", budgets, scores.mean(axis=1), draw)


def normal(
    name: str, budgets: list[int], pretrained: list[float], random: list[float], std: list[float]
) -> Population:
    """Normal scores: correlation 0.5 between arms, 0.3 between budgets."""
    means = np.array([pretrained, random])
    between_budgets = 0.7 * np.eye(len(std)) + 0.3
    both = np.kron([[1, 0.5], [0.5, 1]], between_budgets * np.outer(std, std))

    def draw(rng: np.random.Generator, seeds: int) -> np.ndarray:
        flat = rng.multivariate_normal(means.ravel(), both, seeds)
        return flat.reshape(seeds, *means.shape).transpose(1, 0, 2)

    return Population(name, budgets, means, draw)


POPULATIONS = (
    measured(),
    # Means and standard deviations of the README's table.
    normal("Fashion-MNIST, normal", [100, 500, 1000, 5000], [0.746, 0.809, 0.827, 0.863],
           [0.703, 0.791, 0.816, 0.852], [0.013, 0.006, 0.005, 0.004]),
    normal("flat curves, normal", [50, 100, 200, 400], [0.80, 0.815, 0.825, 0.83],
           [0.78, 0.80, 0.815, 0.825], [0.01, 0.01, 0.01, 0.01]),
    normal("flat and noisy, normal", [50, 100, 200, 400], [0.80, 0.815, 0.825, 0.83],
           [0.78, 0.80, 0.815, 0.825], [0.03, 0.03, 0.025, 0.02]),
)  # fmt: skip


def log_equals(budgets: list[int], means: np.ndarray, at: int) -> np.ndarray:
    """The answer for many runs at once: means (..., arms, budgets), logarithm of labels (...)."""
    ends, (ours, theirs) = np.log(budgets), np.moveaxis(_isotonic(means), -2, 0)
    score = ours[..., at]
    found = np.full(score.shape, ends[-1])
    for step in range(len(ends) - 2, -1, -1):
        rise = theirs[..., step + 1] - theirs[..., step]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(rise > 0, (score - theirs[..., step]) / rise, 0).clip(0, 1)
        place = ends[step] + share * (ends[step + 1] - ends[step])
        found = np.where(score <= theirs[..., step + 1], place, found)
    return found


def _isotonic(curves: np.ndarray) -> np.ndarray:
    """By the min-max formula: the largest of the least means that begin here or before."""
    budgets = curves.shape[-1]
    mean = {
        (first, last): curves[..., first : last + 1].mean(axis=-1)
        for first, last in product(range(budgets), repeat=2)
        if first <= last
    }
    return np.stack(
        [
            np.max(
                [
                    np.min([mean[first, last] for last in range(at, budgets)], axis=0)
                    for first in range(at + 1)
                ],
                axis=0,
            )
            for at in range(budgets)
        ],
        axis=-1,
    )


def intervals(
    population: Population, scores: np.ndarray, at: int, rng: np.random.Generator
) -> Iterator[tuple[str, float, float]]:
    """The name of each method and its interval, as logarithms."""
    seeds, budgets = scores.shape[1], population.budgets
    (found,) = (
        s.interval
        for s in label_savings(as_scores(budgets, scores))
        if s.labels == budgets[at]
    )  # fmt: skip
    assert found
    yield "t test inverted", *np.log(found)

    answer = float(log_equals(budgets, scores.mean(axis=1), at))
    rows = rng.integers(0, seeds, (RESAMPLES, seeds))
    drawn = log_equals(budgets, scores[:, rows].mean(axis=2).swapaxes(0, 1), at)
    yield "percentile", *np.quantile(drawn, [0.025, 0.975])

    without = np.array([np.delete(scores, seed, axis=1).mean(axis=1) for seed in range(seeds)])
    jackknife = log_equals(budgets, without, at)
    below = np.mean(drawn < answer) / 2 + np.mean(drawn <= answer) / 2
    bias = stats.norm.ppf(np.clip(below, 0.001, 0.999))
    off = jackknife.mean() - jackknife
    acceleration = np.sum(off**3) / (6 * np.sum(off**2) ** 1.5 + 1e-30)
    ends = bias + stats.norm.ppf([0.025, 0.975])
    levels = stats.norm.cdf(bias + ends / (1 - acceleration * ends))
    yield "BCa", *np.quantile(drawn, levels)

    pseudo = seeds * answer - (seeds - 1) * jackknife
    half = stats.t.ppf(0.975, seeds - 1) * stats.sem(pseudo)
    low, high = np.clip([answer - half, answer + half], *np.log([budgets[0], budgets[-1]]))
    yield "jackknife t", float(low), float(high)


def measure(population: Population, at: int, seeds: int) -> dict[str, tuple[float, float]]:
    """Coverage and median width of each method at one label budget."""
    rng = np.random.default_rng(0)
    ends = np.log([population.budgets[0], population.budgets[-1]])
    truth = float(log_equals(population.budgets, population.means, at))
    found: dict[str, list[tuple[bool, float]]] = {}
    for _ in range(DRAWS):
        scores = population.draw(rng, seeds)
        answer = log_equals(population.budgets, scores.mean(axis=1), at)
        if not ends[0] + 1e-9 < answer < ends[1] - 1e-9:
            continue
        for name, low, high in intervals(population, scores, at, rng):
            covers = low - 1e-6 <= truth <= high + 1e-6
            found.setdefault(name, []).append((covers, np.exp(high - low)))
    summed = {}
    for name, rows in found.items():
        covers, widths = np.transpose(rows)
        summed[name] = (float(covers.mean()), float(np.median(widths)))
    return summed


def main() -> None:
    """Print a table, a line for each population, label budget and number of seeds."""
    head = None
    for population in POPULATIONS:
        for at, labels in enumerate(population.budgets):
            truth = float(np.exp(log_equals(population.budgets, population.means, at)))
            if not population.budgets[0] < truth < population.budgets[-1] - 1e-6:
                continue
            for seeds in SEEDS:
                found = measure(population, at, seeds)
                if not head:
                    head = f"| scores | labels | equals | seeds | {' | '.join(found)} |"
                    print(head, "| - | -: | -: | -: |" + " -: |" * len(found), sep="\n")
                cells = [f"{100 * c:.1f} %, {width:.2f}" for c, width in found.values()]
                line = [population.name, f"{labels}", f"{truth:.0f}", f"{seeds}", *cells]
                print(f"| {' | '.join(line)} |", flush=True)


if __name__ == "__main__":
    main()
