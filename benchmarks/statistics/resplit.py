"""How often 95 % intervals hold the true gain, when each seed splits one small table anew.

`python -m benchmarks.statistics.resplit [FILE ...]` takes small tables by chance from large ones:
a synthetic one, Fashion-MNIST in 49 columns, and files whose last column is the class. Every table
is split anew for ten seeds, by the functions that layerwise splits with, and two pairs of models
are trained on each label budget. The true gain is the mean over all tables. A line is of a table's
rows, test share, label budget and number of seeds, over all populations, pairs and metrics: how
seeds agree (intraclass correlation: mean, greatest), how often the naive interval holds the true
gain (mean, least) of seeds that have tables of their own (`apart`), and of each interval how often
it does of seeds that share one, and how wide it is, as a multiple of the naive one.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from pipeline.config.data import DataConfig
from pipeline.config.task import ClassificationTask
from pipeline.data.prepared import prepare
from pipeline.data.splits import label_subset
from pipeline.data.splitting.drawing import draw
from pipeline.evaluation.gain import CONFIDENCE, half_interval
from pipeline.evaluation.resplit import Resplit

TABLES = 200
SEEDS = (5, 10)
SIZES = ((150, 0.2), (400, 0.2), (400, 0.4), (900, 0.2))
"""Rows of a table, and the share that is tested on."""
VALIDATION = 0.15
BUDGETS = (0.1, 0.3, 1.0)
CODES = 8
STRENGTHS = (0.01, 0.1, 1.0)
NEIGHBOURS = (1, 7)
POPULATION = 30_000
PAIRS = 2
METRICS = 2
"""Accuracy, and squared error of outputs in [0, 1]."""


class Population(NamedTuple):
    """Many rows, of which small tables are taken."""

    name: str
    rows: np.ndarray
    classes: np.ndarray


class Interval(NamedTuple):
    """How a mean over seeds varies more than its seeds do."""

    name: str
    more: Callable[[Resplit, float], float]
    """What is added to 1 / seeds, at a number of labels."""


def correlated(name: str, correlation: Callable[[Resplit, float], float]) -> Interval:
    """An interval that takes two seeds to have this correlation."""

    def more(split: Resplit, labels: float) -> float:
        found = correlation(split, labels)
        return found / (1 - found)

    return Interval(name, more)


INTERVALS = (
    Interval("naive", lambda split, labels: 0.0),
    correlated("test, root of labels", Resplit.correlation),
    correlated("test, labels", lambda s, labels: s.test * labels / s.train),
    correlated("half of test", lambda s, _: s.test / 2),
    correlated("test", lambda s, _: s.test),
    Interval("test / train", lambda s, _: s.test / s.train),
    Interval("test / labels", lambda s, labels: s.test / labels),
    correlated("either", lambda s, labels: 1 - (1 - s.test) * (1 - labels)),
)
"""The second is what layerwise has. Shares of the labelled rows: `test` is the correlation, and
`test / train` the formula, of Nadeau and Bengio (2003), whose models see all training rows;
`either` is the share of rows that two seeds both test on or both see the labels of."""


def synthetic() -> Population:
    """Three classes that differ in four of six factors, which 20 columns mix."""
    rng = np.random.default_rng(0)
    classes = rng.choice(3, POPULATION, p=(0.5, 0.3, 0.2))
    centres = np.zeros((3, 6))
    centres[:, :4] = rng.normal(size=(3, 4))
    factors = centres[classes] + rng.normal(size=(POPULATION, 6))
    rows = factors @ rng.normal(size=(6, 20)) + rng.normal(size=(POPULATION, 20))
    return Population("synthetic", rows, classes)


def fashion() -> Population:
    """Means of four by four pixels."""
    found = _read("fashion_mnist", None)
    pooled = found.rows.reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(-1, 49)
    return found._replace(rows=pooled)


def _read(source: str, label: str | None) -> Population:
    with tempfile.TemporaryDirectory() as folder:
        config = DataConfig(source=source, label=label)
        data = prepare(config, ClassificationTask(), 0, Path(folder, "data"))
        chosen = np.random.default_rng(0).permutation(len(data.rows))[:POPULATION]
        return Population(Path(source).stem, np.asarray(data.rows[chosen]), data.targets[chosen])


class Trained(NamedTuple):
    """Classes that models give to the test rows: of each pair a gain by row."""

    test: np.ndarray
    gains: np.ndarray
    """By budget, pair, metric and test row."""


def seed_of_table(
    rows: np.ndarray, classes: np.ndarray, share: float, rng: np.random.Generator
) -> Trained:
    """Split a table and train both pairs at each budget.

    One is codes of principal components against random projections, which is what pretraining is
    compared with; the other straight lines against neighbours, which are like the references.
    """
    keys = np.arange(len(rows))
    test = draw(classes, keys, share, 2, "data.test", rng)
    rest = np.setdiff1d(keys, test)
    validation = rest[draw(classes[rest], rest, VALIDATION, 1, "data.validation", rng)]
    train = np.setdiff1d(rest, validation)
    centred = rows - rows[train].mean(axis=0)
    components = np.linalg.svd(centred[train], full_matrices=False)[2][:CODES].T
    projection = rng.normal(size=(rows.shape[1], CODES))
    inputs = [_scaled(part, train) for part in (centred @ components, centred @ projection, rows)]
    seed = int(rng.integers(2**31))
    targets = np.eye(classes.max() + 1)[classes]
    gains = np.empty((len(BUDGETS), PAIRS, METRICS, len(test)))
    for number, budget in enumerate(BUDGETS):
        labels = max(round(budget * len(train)), len(np.unique(classes[train])))
        shown = train[label_subset(classes[train], labels, seed)]
        given = (shown, validation, test)
        codes, random, lines = (_lines(values, targets, *given) for values in inputs)
        near = _neighbours(inputs[2], targets, *given)
        for pair, (one, other) in enumerate(((codes, random), (lines, near))):
            gains[number, pair] = _merits(one, classes, targets, test) - _merits(
                other, classes, targets, test
            )
    return Trained(test, gains)


def _scaled(values: np.ndarray, train: np.ndarray) -> np.ndarray:
    spread = values[train].std(axis=0)
    return (values - values[train].mean(axis=0)) / np.where(spread > 0, spread, 1)


def _merits(
    outputs: np.ndarray, classes: np.ndarray, targets: np.ndarray, test: np.ndarray
) -> np.ndarray:
    right = outputs.argmax(axis=1) == classes[test]
    errors = (np.clip(outputs, 0, 1) - targets[test]) ** 2
    return np.stack([right.astype(float), -errors.sum(axis=1)])


def _lines(
    values: np.ndarray,
    targets: np.ndarray,
    shown: np.ndarray,
    validation: np.ndarray,
    test: np.ndarray,
) -> np.ndarray:
    """Regularised least squares, as strong as is best on validation rows: outputs of test rows."""
    values = np.column_stack([values, np.ones(len(values))])
    seen = values[shown]
    products, toward = seen.T @ seen, seen.T @ targets[shown]
    best, found = -np.inf, None
    for strength in STRENGTHS:
        ridge = strength * len(shown) * np.eye(len(products))
        weights = np.linalg.solve(products + ridge, toward)
        right = (values[validation] @ weights).argmax(axis=1) == targets[validation].argmax(axis=1)
        if right.mean() > best:
            best, found = right.mean(), values[test] @ weights
    assert found is not None
    return found


def _neighbours(
    values: np.ndarray,
    targets: np.ndarray,
    shown: np.ndarray,
    validation: np.ndarray,
    test: np.ndarray,
) -> np.ndarray:
    """Shares of classes among as many nearest neighbours as are best on validation rows."""
    asked = np.concatenate([validation, test])
    order = cdist(values[asked], values[shown]).argsort(axis=1)
    best, found = -np.inf, None
    for count in NEIGHBOURS:
        shares = targets[shown][order[:, :count]].mean(axis=1)
        chosen = shares[: len(validation)].argmax(axis=1)
        right = (chosen == targets[validation].argmax(axis=1)).mean()
        if right > best:
            best, found = right, shares[len(validation) :]
    assert found is not None
    return found


class Runs(NamedTuple):
    """What was found on many tables of a size."""

    gains: np.ndarray
    """(tables, seeds, budgets, pairs, metrics)."""
    clustered: dict[int, np.ndarray]
    """By seeds: the variance of their mean gain, as if rows and seeds both were drawn."""


def simulate(population: Population, rows: int, test: float) -> Runs:
    """Take tables and split each for all seeds."""
    gains: list[list[np.ndarray]] = []
    clustered: dict[int, list[np.ndarray]] = {count: [] for count in SEEDS}
    for table in range(TABLES):
        rng = np.random.default_rng([rows, table])
        chosen = _table(population, rows, rng)
        classes = np.unique(population.classes[chosen], return_inverse=True)[1]
        seeds = [
            seed_of_table(population.rows[chosen], classes, test, rng) for _ in range(max(SEEDS))
        ]
        gains.append([seed.gains.mean(axis=-1) for seed in seeds])
        for count, found in clustered.items():
            found.append(_clustered(seeds[:count], rows))
    return Runs(np.array(gains), {count: np.array(found) for count, found in clustered.items()})


def _table(population: Population, rows: int, rng: np.random.Generator) -> np.ndarray:
    """Rows by chance, without classes that have less than three."""
    chosen = rng.choice(len(population.rows), rows, replace=False)
    names, counts = np.unique(population.classes[chosen], return_counts=True)
    return chosen[np.isin(population.classes[chosen], names[counts >= 3])]


def _clustered(seeds: list[Trained], rows: int) -> np.ndarray:
    """By seeds and by rows, less what is counted twice (Cameron, Gelbach and Miller 2011)."""
    tested = sum(len(seed.test) for seed in seeds)
    mean = sum(seed.gains.sum(axis=-1) for seed in seeds) / tested
    by_row = np.zeros((*mean.shape, rows))
    by_seed = by_cell = np.zeros(mean.shape)
    for seed in seeds:
        apart = seed.gains - mean[..., None]
        by_row[..., seed.test] += apart
        by_seed = by_seed + apart.sum(axis=-1) ** 2
        by_cell = by_cell + (apart**2).sum(axis=-1)
    found = by_seed + (by_row**2).sum(axis=-1) - by_cell
    return np.maximum(found, by_seed) / tested**2 * len(seeds) / (len(seeds) - 1)


def line(runs: list[Runs], rows: int, test: float, budget: int, seeds: int) -> str:
    """Over all populations, pairs and metrics."""
    split = Resplit(test, (1 - test) * (1 - VALIDATION), 1)
    labels = BUDGETS[budget] * split.train
    agreements, apart, held, widths = [], [], [], []
    for run in runs:
        for pair, metric in np.ndindex(PAIRS, METRICS):
            gains = run.gains[..., budget, pair, metric]
            agreements.append(_agreement(gains))
            seen = gains[:, :seeds]
            others = np.column_stack([np.roll(seen[:, seed], seed) for seed in range(seeds)])
            error = abs(others.mean(axis=1) - gains.mean())
            apart.append((error <= half_interval(others.T)).mean())
            t = stats.t.ppf((1 + CONFIDENCE) / 2, seeds - 1)
            variance = seen.var(axis=1, ddof=1)
            variances = [variance * (1 / seeds + i.more(split, labels)) for i in INTERVALS]
            variances.append(run.clustered[seeds][:, budget, pair, metric])
            halves = t * np.sqrt(variances)
            held.append((abs(seen.mean(axis=1) - gains.mean()) <= halves).mean(axis=1))
            widths.append(halves.mean(axis=1) / halves[0].mean())
    cells = [
        f"{100 * mean:.1f}, {100 * least:.1f} %; {width:.2f}"
        for mean, least, width in zip(
            np.mean(held, axis=0), np.min(held, axis=0), np.mean(widths, axis=0), strict=True
        )
    ]
    agreement = f"{np.mean(agreements):.2f}, {np.max(agreements):.2f}"
    agreement += f" | {100 * np.mean(apart):.1f}, {100 * np.min(apart):.1f} %"
    return (
        f"| {rows} | {test:g} | {BUDGETS[budget]:g} | {seeds} | {agreement} | {' | '.join(cells)} |"
    )


def _agreement(gains: np.ndarray) -> float:
    """The correlation of two seeds on one table, from the variances within and between tables."""
    within = gains.var(axis=1, ddof=1).mean()
    between = gains.mean(axis=1).var(ddof=1) - within / gains.shape[1]
    return float(between / (between + within))


def main(files: list[str]) -> None:
    """Print a table."""
    names = [*(interval.name for interval in INTERVALS), "clustered"]
    print("| rows | test | labels | seeds | correlation | apart |", *(f"{n} |" for n in names))
    print("| -: | -: | -: | -: | -: | -: |", *("-: |" for _ in names))
    populations = [synthetic(), fashion(), *(_read(file, "-1") for file in files)]
    with threadpool_limits(1):
        for rows, test in SIZES:
            runs = [simulate(population, rows, test) for population in populations]
            for budget in range(len(BUDGETS)):
                for seeds in SEEDS:
                    print(line(runs, rows, test, budget, seeds), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
