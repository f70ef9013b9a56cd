"""Which rows pretrain, train, validate and test; which training rows may show their label."""

from typing import Literal, NamedTuple

import numpy as np

from pipeline.config.data import DataConfig
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
    stay test rows; those of them without a label are in no part.

    Raises:
        InputError: without a target, with one class only, or with too few rows of a class.
    """
    if source.target is None:
        raise InputError(
            f"Fine-tuning needs labels. {source.name} has none. "
            "Give an .npz file with the arrays x and y."
        )
    own_test = np.zeros(source.rows, bool) if source.test is None else source.test
    labelled = np.flatnonzero(source.labelled & ~own_test)
    classes = _classes(source.target[labelled], config, source.name)
    if config.task == "multilabel":
        _check_labels(source, labelled)
    rng = np.random.default_rng(seed)
    if own_test.any():
        test = np.flatnonzero(own_test & source.labelled)
        _check_own_test(source.target, labelled, test, config, source.name)
        rest = np.arange(len(labelled))
    else:
        drawn = _draw(classes, config.test, 2, "data.test", rng)
        test = labelled[drawn]
        rest = np.setdiff1d(np.arange(len(labelled)), drawn)
    drawn = rest[_draw(classes[rest], config.validation, 1, "data.validation", rng)]
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


def label_subset(classes: np.ndarray | None, rows: int, labels: int, seed: int) -> np.ndarray:
    """Positions, int64 ascending, of `labels` of the `rows` training rows.

    Shares of classes are kept as closely as whole rows allow, with one row of each class at least;
    without classes (None) rows are drawn at random. One seed puts all rows in one order: a budget
    is the first of them, so that a smaller budget lies within every larger one.

    Raises:
        InputError: when `labels` exceeds the rows or is less than the number of classes.
    """
    if labels > rows:
        raise InputError(
            f"finetune.label_budgets must not exceed the training rows, {rows}. Given: {labels}. "
            "Lower it, or write all."
        )
    values = np.zeros(rows, int) if classes is None else classes
    number = len(np.unique(values))
    if labels < number:
        raise InputError(
            f"finetune.label_budgets needs a label of each of the {number} classes at least. "
            f"Given: {labels} of {rows} training rows. Raise it."
        )
    return np.sort(label_order(classes, rows, seed)[:labels])


def label_order(classes: np.ndarray | None, rows: int, seed: int) -> np.ndarray:
    """Positions, int64, of all `rows` in the order in which larger budgets show their labels."""
    values = np.zeros(rows, int) if classes is None else classes
    return _stratified_order(values, 0, np.random.default_rng(seed))


def _classes(target: np.ndarray, config: DataConfig, name: str) -> np.ndarray:
    """What to stratify labelled rows by: their classes; for labels and numbers, one stratum."""
    distinct = np.unique(target)
    if len(distinct) == 0:
        raise InputError(f"Fine-tuning needs labels. {name} has no labelled training row.")
    if len(distinct) == 1:
        kind = "classes" if config.task == "classification" else "target values"
        raise InputError(
            f"There must be two {kind} at least. All labelled training rows of {name} have "
            f"{str(distinct[0])!r}. Give rows of another, or correct data.label."
        )
    return target if config.task == "classification" else np.zeros(len(target), int)


def _check_labels(source: Source, labelled: np.ndarray) -> None:
    assert source.target is not None
    for name, column in zip(source.label_names, source.target[labelled].T, strict=True):
        if column.min() == column.max():
            raise InputError(
                f"A label must apply to some training rows and not to others. {name!r} applies to "
                f"{'all' if column[0] else 'none'} of the {len(labelled)} of {source.name}. Give "
                "more rows, or leave the label out."
            )


def _check_own_test(
    target: np.ndarray, labelled: np.ndarray, test: np.ndarray, config: DataConfig, name: str
) -> None:
    if len(test) == 0:
        raise InputError(f"Test rows need labels. None of the test rows of {name} has one.")
    unseen = np.setdiff1d(target[test], target[labelled])
    if config.task == "classification" and len(unseen):
        raise InputError(
            f"Every class needs training rows. {name} has class {str(unseen[0])!r} among its test "
            "rows only. Add rows of it, or remove its test rows."
        )


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
                "data.task: regression."
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
