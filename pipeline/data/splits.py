"""Which rows pretrain, train, validate and test; which training rows may show their label."""

from typing import Literal, NamedTuple

import numpy as np

from pipeline.config.data import DataConfig
from pipeline.data.held_out import held_out
from pipeline.data.source import Source
from pipeline.errors import InputError


class Splits(NamedTuple):
    """Row positions in the source, int64, ascending.

    Attributes:
        pretrain: training rows and the unlabelled rows, for pretraining.
        train: labelled rows to learn from.
        validation: labelled rows to choose by.
        test: labelled rows to report on, read once, at the end.
    """

    pretrain: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split(source: Source, config: DataConfig, seed: int) -> Splits:
    """Split the labelled rows by class (labels, numbers: at random); the rest only pretrains.

    Every class has at least one row in each part that is drawn. Test rows that the source marks
    stay test rows, as do those that are held out by their values (`held_out`); those of them
    without a label are in no part.

    Raises:
        InputError: without a target, with one class only, or with too few rows of a class.
    """
    task = source.task
    if task is None or source.target is None:
        raise InputError(
            f"Fine-tuning needs labels. {source.name} has none. "
            "Give an .npz file with the arrays x and y."
        )
    own_test = np.zeros(source.rows, bool) if source.test is None else source.test
    if config.holdout == "stable" and not own_test.any():
        assert isinstance(config.test, float)  # else the config was refused
        own_test = held_out(source, config.test, seed)
    labelled = np.flatnonzero(source.labelled & ~own_test)
    if len(labelled) == 0:
        raise InputError(f"Fine-tuning needs labels. {source.name} has no labelled training row.")
    task.check(source.target[labelled], source.label_columns, source.name)
    strata = task.strata(source.target[labelled])
    rng = np.random.default_rng(seed)
    if own_test.any():
        test = np.flatnonzero(own_test & source.labelled)
        if len(test) == 0:
            raise InputError(
                f"Test rows need labels. None of the test rows of {source.name} has any."
            )
        if unseen := task.unseen(source.target[labelled], source.target[test]):
            raise InputError(
                f"Every class needs training rows. {source.name} has "
                f"{', '.join(map(repr, unseen))} among its test rows only. Add rows, or remove "
                "these test rows."
            )
        rest = np.arange(len(labelled))
    else:
        drawn = _draw(strata, config.test, 2, "data.test", rng)
        test = labelled[drawn]
        rest = np.setdiff1d(np.arange(len(labelled)), drawn)
    drawn = rest[_draw(strata[rest], config.validation, 1, "data.validation", rng)]
    train = labelled[np.setdiff1d(rest, drawn)]
    unlabelled = np.flatnonzero(~source.labelled & ~own_test)
    return Splits(np.union1d(train, unlabelled), train, labelled[drawn], test)


def label_budget(budget: int | float | Literal["all"], rows: int) -> int:
    """How many labels a budget is: a count, a share of `rows` (at least 1 label), or all.

    Raises:
        InputError: when there are fewer rows.
    """
    if budget == "all":
        return rows
    if isinstance(budget, float):
        return max(1, round(budget * rows))
    if budget > rows:
        raise InputError(
            f"finetune.label_budgets must not exceed the training rows, {rows}. Given: {budget}. "
            "Lower it, or write all."
        )
    return budget


def label_subset(strata: np.ndarray, labels: int, seed: int) -> np.ndarray:
    """Positions, int64 ascending, of `labels` of the training rows, drawn by their strata (rows,).

    Shares of classes are kept as closely as whole rows allow, with one row of each class at least.
    One seed puts all rows in one order: a budget is the first of them, so that a smaller budget
    lies within every larger one.

    Raises:
        InputError: when `labels` exceeds the rows or is less than the number of classes.
    """
    rows = len(strata)
    if labels > rows:
        raise InputError(
            f"finetune.label_budgets must not exceed the training rows, {rows}. Given: {labels}. "
            "Lower it, or write all."
        )
    number = len(np.unique(strata))
    if labels < number:
        raise InputError(
            f"finetune.label_budgets needs a label of each of the {number} classes at least. "
            f"Given: {labels} of {rows} training rows. Raise it."
        )
    return np.sort(label_order(strata, seed)[:labels])


def label_order(strata: np.ndarray, seed: int) -> np.ndarray:
    """Positions, int64, of all rows in the order in which larger budgets show their labels."""
    return _stratified_order(strata, 0, np.random.default_rng(seed))


def _draw(
    classes: np.ndarray, wanted: int | float, keep: int, key: str, rng: np.random.Generator
) -> np.ndarray:
    """Positions of the rows held out for `key`, `keep` rows of each class staying behind."""
    names, sizes = np.unique(classes, return_counts=True)
    least = int(np.argmin(sizes))
    if sizes[least] <= keep:
        each, of_class, advice = "", "", "Add rows."
        if len(names) > 1:
            each, of_class = " of each class", f" of class {str(names[least])!r}"
            advice = (
                "Add rows, or remove the class; if the target is a number to be predicted, set "
                "task.kind: regression."
            )
        raise InputError(
            f"There must be {keep + 1} labelled rows{each} at least: one for each part that "
            f"is held out and one to train on. Given: {sizes[least]}{of_class}. {advice}"
        )
    most = len(classes) - keep * len(names)
    rows = wanted if isinstance(wanted, int) else round(wanted * len(classes))
    if isinstance(wanted, float):
        rows = min(max(rows, len(names)), most)
    if not len(names) <= rows <= most:
        raise InputError(
            f"{key} must leave rows of each class to train on and hold one of each out: from "
            f"{len(names)} to {most} of the {len(classes)} labelled rows. Given: {wanted}."
        )
    return np.sort(_stratified_order(classes, keep, rng)[:rows])


def _stratified_order(classes: np.ndarray, keep: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of all rows but `keep` of each class, in an order whose every beginning has the
    classes in their shares, one row of each class first.

    Row number i (from 0) of a shuffled class of n rows comes at (i + 1/2) / n: the divisor method
    of Webster and Sainte-Lague, in which no class loses a seat when there is one more to give.
    """
    names, members = np.unique(classes, return_inverse=True)
    order, rank = [], []
    for member in range(len(names)):
        shuffled = rng.permutation(np.flatnonzero(members == member))
        places = (np.arange(len(shuffled)) + 0.5) / len(shuffled)
        places[0] = 0
        order.append(shuffled[: len(shuffled) - keep])
        rank.append(places[: len(shuffled) - keep])
    positions = np.concatenate(order)
    chance = rng.spawn(1)[0].random(len(positions))  # among classes of one size
    return positions[np.lexsort((chance, np.concatenate(rank)))]
