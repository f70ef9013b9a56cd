"""Trials on tables in one process: the program's own reading, splitting, training and references.

Of each table three rows in ten, the same ones always, are its test rows, which no search reads.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from benchmarks.running import BUILD, ONE_CORE
from pipeline.config.data import DataConfig
from pipeline.config.schema import RunConfig
from pipeline.config.task import AutoTask
from pipeline.config.untrained import untrained
from pipeline.data.features.fitting import fit
from pipeline.data.prepared import Prepared
from pipeline.data.source import NO_ROLES, Source
from pipeline.data.sources.read import read
from pipeline.data.splits import Splits, split
from pipeline.data.target import with_target
from pipeline.data.trial_rows import Parts, trial_rows
from pipeline.errors import InputError
from pipeline.evaluation.references import fit_reference
from pipeline.seeds import derive
from pipeline.tasks.task import Task

PACKAGED = {"breast_cancer": load_breast_cancer, "wine": load_wine, "diabetes": load_diabetes}
ROWS = 5_000
"""At most, of a table: the search is to end, and budgets are of hundreds of labels."""
TESTED = 0.3
LABELS = {"horse-colic.csv": "24", "pollution.csv": "pm2.5"}
"""The target where it is not the last column."""
ENOUGH = 1.5
"""Times a budget: so many labelled training rows a table has at least, to draw it from."""


class Table(NamedTuple):
    """The rows of a table for one seed, as much as a trial reads of `Prepared`."""

    rows: np.ndarray
    targets: np.ndarray
    task: Task
    splits: Splits
    outputs: int
    columns: tuple[int, ...]
    """Of which column each feature is."""
    categories: tuple[range, ...]
    """The features of each category column."""
    weights: None = None
    """Every row counts alike."""


def tables(folder: Path) -> list[str]:
    """Every table there, and those that scikit-learn ships."""
    return [*sorted(str(file) for file in folder.iterdir() if file.suffix != ".md"), *PACKAGED]


def of_each_table(folder: Path, measure: Callable[..., None], *more: Any) -> None:
    """Call `measure` with the name of each table and `more`, each core with a table to itself."""
    os.environ |= ONE_CORE
    with get_context("spawn").Pool(maxtasksperchild=1) as pool:
        jobs = [pool.apply_async(measure, (name, *more)) for name in tables(folder)]
        for job in jobs:
            job.get()


def opened(name: str) -> Source:
    """A table, 5,000 of its rows at most, its test rows marked."""
    file = name
    if name in PACKAGED:
        BUILD.mkdir(exist_ok=True)
        file = str(BUILD / f"{name}.csv")
        PACKAGED[name](as_frame=True).frame.to_csv(file, index=False)
    config = DataConfig(source=file, label=LABELS.get(Path(file).name, "-1"))
    source = with_target(read(config), AutoTask(), config)
    order = np.random.default_rng(0).permutation(source.rows)
    source = _chosen(source, np.sort(order[:ROWS]))
    drawn = np.random.default_rng(1).random(source.rows) < TESTED
    return replace(source, test=drawn & source.labelled)


def for_search(source: Source) -> Source:
    """The same without its test rows: others play them."""
    assert source.test is not None
    return replace(_chosen(source, np.flatnonzero(~source.test)), test=None)


def _chosen(source: Source, rows: np.ndarray) -> Source:
    assert source.target is not None
    return replace(
        source,
        numbers=source.numbers[rows],
        categories=source.categories[rows],
        target=source.target[rows],
        labels=None,
        roles=NO_ROLES,
    )


def split_anew(source: Source, seed: int, config: DataConfig) -> Table:
    """The table with the validation rows that the seed draws, its features as `config` says."""
    found = split(source, config, derive(seed, "split"))
    preprocessing = fit(source, found.parts.pretrain, config)
    assert source.task
    classes, targets = source.task.numbers(found.target, source.label_columns)
    rows = preprocessing.apply(np.asarray(source.numbers, np.float64), source.categories)
    columns, categories = preprocessing.column_of_features, preprocessing.features_of_categories
    outputs = max(1, len(classes))
    return Table(rows, targets, source.task, found.parts, outputs, columns, categories)


def parts_of(table: Table, labels: int | str, seed: int) -> Parts | None:
    """The rows of a trial, `all` are those of training; None where they are too few."""
    there = len(table.splits.train)
    number = there if labels == "all" else int(labels)
    if labels != "all" and number * ENOUGH > there:
        return None
    try:
        return trial_rows(cast(Prepared, table), number, derive(seed, "subset"), False)
    except InputError:  # fewer labels than classes
        return None


def perceptron(table: Table, parts: Parts, seed: int) -> float:
    """scikit-learn's multilayer perceptron on the same rows and features."""
    return fit_reference("mlp", parts, table.task, seed).score


def pretrained(config: RunConfig, table: Table, seed: int) -> list[Any]:
    """The levels pretrained on all rows that are not held out."""
    from pipeline.training.pretraining.pretrain import pretrain
    from pipeline.training.stack import encode

    splits = table.splits
    rows, validation = (table.rows[at] for at in (splits.pretrain, splits.pretrain_validation))
    found = []
    for number, level in enumerate(config.stack, 1):
        columns, categories = (table.columns, table.categories) if number == 1 else ((), ())
        own = derive(seed, "pretrain", number)
        trained = pretrain(
            level.training(), rows, validation, own, lambda _: None,
            columns=columns, categories=categories,
        ).autoencoder  # fmt: skip
        rows, validation = (encode(trained, x, level.passes_on) for x in (rows, validation))
        found.append(trained)
    return found


def untrained_levels(config: RunConfig, table: Table, seed: int) -> list[Any]:
    """The same levels as they are before training."""
    from pipeline.training.finetuning.network import random_autoencoders

    shape = untrained(config.stack, config.finetune.reconstruction > 0)
    return random_autoencoders(shape, table.rows.shape[1], derive(seed, "random"))


def finetuner(config: RunConfig, table: Table, labels: int, made: dict[Any, Any]) -> Any:
    """What trains the networks of both arms on so many labels.

    Those of one shape in `made` are used again: the scale of the features, and with it the
    network's width, goes by the split.
    """
    from pipeline.training.finetuning.finetune import Finetuner

    training = config.finetune.training("network", labels)
    features = table.rows.shape[1]
    if (training, features) not in made:
        shape = untrained(config.stack, config.finetune.reconstruction > 0)
        columns = table.columns
        made[training, features] = Finetuner(
            training, shape, features, table.outputs, table.task, columns=columns
        )
    return made[training, features]
