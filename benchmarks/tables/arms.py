"""The recipe of tables on tables: pretrained, random, and scikit-learn's perceptron.

Usage: python -m benchmarks.tables.arms FOLDER > benchmarks/results/tables.md

Each figure is kept in `build/tables.jsonl`: what is there is not computed again.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.running import BUILD
from benchmarks.tables.trials import (
    finetuner,
    of_each_table,
    opened,
    parts_of,
    perceptron,
    pretrained,
    split_anew,
    untrained_levels,
)
from pipeline.config.data import DataConfig
from pipeline.config.loading import of_tables
from pipeline.evaluation.gain import paired_gain
from pipeline.seeds import derive

KEPT = BUILD / "tables.jsonl"
LABELS: tuple[int | str, ...] = (50, 200, "all")
SEEDS = 5
"""Each draws validation rows, labels, stack and head anew."""
ARMS = ("pretrained", "random", "mlp")
COMPARED = (
    ("classification", "mlp", "classes: random minus perceptron"),
    ("regression", "mlp", "numbers: random minus perceptron"),
    ("classification", "random", "classes: pretrained minus random"),
    ("regression", "random", "numbers: pretrained minus random"),
)
"""Which tables, against which arm, and how that is called."""
Scores = dict[tuple[str, str, str], dict[str, list[float]]]


class Row(NamedTuple):
    """One trial of every arm, on the same rows."""

    table: str
    kind: str
    labels: str
    seed: int
    scores: dict[str, float]
    """Of each arm, on test rows: accuracy, or R squared."""


def measure(name: str, done: set[tuple[str, str, int]]) -> Iterator[Row]:
    """The scores of a table that are not there yet."""
    source, config = opened(name), of_tables()
    short = Path(name).name
    made: dict[Any, Any] = {}
    for labels in LABELS:
        for seed in range(SEEDS):
            if (short, str(labels), seed) in done:
                continue
            table = split_anew(source, seed, DataConfig(holdout="drawn"))
            parts = parts_of(table, labels, seed)
            if parts is None:
                continue
            trainer = finetuner(config, table, len(parts.train.rows), made)
            starts = {"pretrained": pretrained, "random": untrained_levels}
            scores = {
                arm: trainer.run(
                    start(config, table, seed), parts, derive(seed, "trial"), lambda _: None
                ).score
                for arm, start in starts.items()
            }
            scores["mlp"] = perceptron(table, parts, seed)
            yield Row(short, table.task.kind, str(labels), seed, scores)


def read_kept() -> list[Row]:
    """Every figure that there is."""
    lines = KEPT.read_text().splitlines() if KEPT.exists() else []
    return [Row(**json.loads(line)) for line in lines]


def main(folder: Path) -> None:
    """Measure what is missing, and print Markdown."""
    BUILD.mkdir(exist_ok=True)
    done = {(row.table, row.labels, row.seed) for row in read_kept()}
    of_each_table(folder, keep, done)
    show(read_kept())


def keep(name: str, done: set[tuple[str, str, int]]) -> None:
    """Measure what is missing of a table."""
    for row in measure(name, done):
        with KEPT.open("a") as kept:
            kept.write(json.dumps(row._asdict()) + "\n")


def show(rows: list[Row]) -> None:
    """Print what the tables come to together, and then each."""
    scores = grouped(rows)
    print("# The recipe of tables\n\n`python -m benchmarks.tables.arms FOLDER`.", end=" ")
    print("Accuracy in %, or R squared in hundredths; differences in points, 95 % intervals")
    print("over tables, and below over seeds.\n")
    print("| labels | tables | of | mean over tables | wholly above 0 | wholly below 0 |")
    print("| -: | -: | - | -: | -: | -: |")
    for labels in map(str, LABELS):
        for kind, other, words in COMPARED:
            gains = [
                100 * np.subtract(found[ARMS[ARMS.index(other) - 1]], found[other])
                for (_, of_table, budget), found in scores.items()
                if (of_table, budget) == (kind, labels)
            ]
            if gains:
                print(f"| {labels} | {len(gains)} | {words} | {pooled(gains)} |")
    print(
        "\n| table | labels | seeds | pretrained | random | perceptron | pretrained - random |",
        end="",
    )
    print(" random - perceptron |")
    print("| - " + "| -: " * 7 + "|")
    for (name, _, labels), found in scores.items():
        means = " | ".join(f"{100 * np.mean(found[arm]):.1f}" for arm in ARMS)
        ours = interval(100 * np.subtract(found["pretrained"], found["random"]))
        theirs = interval(100 * np.subtract(found["random"], found["mlp"]))
        number = len(found["mlp"])
        print(f"| {name} | {labels} | {number} | {means} | {ours} | {theirs} |")


def pooled(gains: list[np.ndarray]) -> str:
    """The mean over tables with its interval, and how many tables have one on a side of 0."""
    each = [paired_gain(of_table, np.zeros(len(of_table))).interval for of_table in gains]
    above = sum(ends is not None and ends[0] > 0 for ends in each)
    below = sum(ends is not None and ends[1] < 0 for ends in each)
    return f"{interval(np.array([of_table.mean() for of_table in gains]))} | {above} | {below}"


def interval(differences: np.ndarray) -> str:
    """Their mean with Student's interval, where they differ."""
    gain = paired_gain(differences, np.zeros(len(differences)))
    if gain.interval is None:
        return f"{gain.mean:+.1f}"
    return f"{gain.mean:+.1f} [{gain.interval[0]:+.1f}, {gain.interval[1]:+.1f}]"


def grouped(rows: list[Row]) -> Scores:
    """By table, kind of target and label budget, each arm's scores in the order of the seeds."""
    found: Scores = defaultdict(lambda: {arm: [] for arm in ARMS})
    for row in sorted(rows, key=lambda row: (row.table, row.seed)):
        for arm, score in row.scores.items():
            found[row.table, row.kind, row.labels][arm].append(score)
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
