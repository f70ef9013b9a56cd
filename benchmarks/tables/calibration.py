"""What temperature does for networks on the tables of a folder, their last column the class.

Usage: python -m benchmarks.tables.calibration FOLDER

For each table that is of classes: the default network from random weights at 50 labels and at all,
three splits, log loss and calibration error on the test rows without the temperature and with it,
which is fitted on the validation rows. Decisions are the same in both.
"""

import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.config.data import DataConfig
from pipeline.config.finetune import FinetuneConfig
from pipeline.config.schema import RunConfig
from pipeline.config.task import AutoTask
from pipeline.config.untrained import untrained
from pipeline.data.prepared import Prepared, prepare
from pipeline.data.sources.tables.opening.files import is_table
from pipeline.data.trial_rows import trial_rows
from pipeline.errors import InputError
from pipeline.seeds import split_seed
from pipeline.training.finetuning.finetune import Finetuner
from pipeline.training.finetuning.network import random_autoencoders

SEEDS = 3
FEW = 50
STACK = untrained(RunConfig().stack, decoder=False)


class Measured(NamedTuple):
    """Of one network."""

    validation: int
    temperature: float
    losses: tuple[float, float]
    """Without temperature and with it."""
    errors: tuple[float, float]


def splits_of(file: Path, scratch: Path) -> list[Prepared]:
    """A table split for each seed; none where its target is no class, or cannot be used."""
    config = DataConfig(source=str(file), label="-1", resplit=True)
    try:
        splits = [
            prepare(config, AutoTask(), split_seed(0, seed), scratch / str(seed))
            for seed in range(SEEDS)
        ]
    except InputError:
        return []
    return splits if splits[0].task.kind == "classification" else []


def measured(seed: int, data: Prepared, labels: int) -> Measured:
    """Train the default network on so many labels, and score it."""
    features, outputs = data.rows.shape[1], len(data.classes)
    metric = data.task.metric(data.task.choose_metric(data.targets[data.splits.train]).metric)
    training = FinetuneConfig().training("network", labels)
    finetuner = Finetuner(training, STACK, features, outputs, data.task, metric)
    parts = trial_rows(data, labels, seed, all_unlabelled=False)
    start = random_autoencoders(STACK, features, seed)
    found = finetuner.run(start, parts, seed, lambda _: None)
    losses, errors = (
        (found.scores[f"{name}_uncalibrated"], found.scores[name])
        for name in ("log_loss", "calibration_error")
    )
    return Measured(len(parts.validation.rows), found.decision.temperature, losses, errors)


class Means(NamedTuple):
    """Over seeds, of one table; the median of temperatures."""

    validation: int
    temperature: float
    losses: np.ndarray
    errors: np.ndarray


def means(of_seeds: list[Measured]) -> Means:
    """Of a table."""
    temperature = float(np.median([found.temperature for found in of_seeds]))
    losses = np.mean([found.losses for found in of_seeds], axis=0)
    errors = 100 * np.mean([found.errors for found in of_seeds], axis=0)
    return Means(of_seeds[0].validation, temperature, losses, errors)


def line(name: str, labels: int, found: Means) -> str:
    """A line of the table."""
    losses = " | ".join(f"{loss:.3f}" for loss in found.losses)
    errors = " | ".join(f"{error:.1f}" for error in found.errors)
    return (
        f"| {name} | {labels:,} | {found.validation} | {found.temperature:.2f} | {losses} | "
        f"{errors} |"
    )


def in_all(what: str, tables: list[Means]) -> str:
    """What the tables come to, in a sentence."""
    losses, errors = (
        np.array([getattr(table, name) for table in tables]) for name in ("losses", "errors")
    )
    lower = [int((values[:, 1] < values[:, 0]).sum()) for values in (losses, errors)]
    (loss, with_loss), (error, with_error) = losses.mean(axis=0), errors.mean(axis=0)
    return (
        f"{what} labels, {len(tables)} tables: log loss {loss:.3f} without, {with_loss:.3f} with "
        f"temperature, lower on {lower[0]}; calibration error {error:.1f} and {with_error:.1f} %, "
        f"lower on {lower[1]}."
    )


def main(folder: Path) -> None:
    """Print a line for each table and number of labels, and what they come to."""
    print("| table | labels | validation rows | temperature | log loss | with | error | with |")
    print("| - | -: | -: | -: | -: | -: | -: | -: |")
    found: dict[str, list[Means]] = {}
    for file in sorted(file for file in folder.iterdir() if is_table(file)):
        with tempfile.TemporaryDirectory() as scratch:
            splits = splits_of(file, Path(scratch))
            for what in ("50", "all") if splits else ():
                most = min(len(data.splits.train) for data in splits)
                labels = most if what == "all" else FEW
                if what == "50" and most <= labels:
                    continue
                table = means([measured(*seed, labels) for seed in enumerate(splits)])
                found.setdefault(what, []).append(table)
                print(line(file.name, labels, table), flush=True)
    for what, tables in found.items():
        print(f"\n{in_all(what, tables)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
