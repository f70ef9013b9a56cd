"""Which rows pretrain, train, validate and test; which training rows may show their label."""

from typing import Literal, NamedTuple

import numpy as np

from pipeline.config.data import DataConfig
from pipeline.data.source import Source
from pipeline.data.splitting.drawing import draw, stratified_order
from pipeline.data.splitting.held_out import HeldOut, by_key, is_stable, lots, marked
from pipeline.data.splitting.rare import without_rare
from pipeline.data.splitting.row_keys import row_keys
from pipeline.errors import InputError
from pipeline.tasks.task import Task


class Splits(NamedTuple):
    """Row positions in the source, int64, ascending.

    Attributes:
        pretrain: rows for pretraining, labelled or not: all that are not held out, but those that
            the task keeps from it.
        pretrain_validation: rows to measure pretraining on: the same of those held out to validate.
        train: labelled rows to learn from, but those that the task keeps from it.
        validation: labelled rows to choose by.
        test: labelled rows to report on, read once, at the end.
    """

    pretrain: np.ndarray
    pretrain_validation: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


class Split(NamedTuple):
    """A source's rows in their parts."""

    parts: Splits
    target: np.ndarray
    """Of the source, without the labels of classes that are too rare."""
    notes: tuple[str, ...]
    """What was decided, for people."""
    holdout: str
    """How test rows are held out: `marked` by the source, `stable`, `drawn`, or `resplit`: drawn
    anew for each seed."""
    repeated: int
    """Rows whose features equal those of an earlier one."""
    contents: np.ndarray
    """uint64 (rows,): equal where all features are (`row_keys`)."""


def split(source: Source, config: DataConfig, seed: int) -> Split:
    """Hold rows out to validate and to test, and train on the others.

    What the source says decides first (`marked`), then the key of each row where the split is
    stable; what is then still to be held out is drawn from the labelled rows, by class (labels,
    numbers: at random). Rows that stay together (`row_keys`), labelled or not, are on one side, but
    where the source says otherwise. A row without a label that is held out is in no part of
    fine-tuning, and pretrains nothing.

    Raises:
        InputError: without a target, with one class only, or with too few rows.
    """
    task = source.task
    if task is None or source.target is None:
        raise InputError(
            f"Fine-tuning needs labels. {source.name} has none. "
            "Give an .npz file with the arrays x and y."
        )
    keys, contents, notes = row_keys(source)
    held = marked(source, config, source.labelled)
    if config.resplit and held.test is not None:
        raise InputError(
            f"data.resplit draws test rows anew for each seed. {source.name} says itself which "
            "rows are for testing: leave data.resplit out."
        )
    _check_marked(task, source, held)
    holdout = "marked" if held.test is not None else "resplit" if config.resplit else "drawn"
    if held.drawn and is_stable(config, source.rows):
        by_keys = by_key(held, keys, config)
        if config.holdout == "stable" or _is_enough(task, source, by_keys):
            held, holdout = by_keys, "stable" if held.test is None else holdout
        else:
            notes += (
                f"The labels of {source.name} are too few for rows to be held out by their values: "
                "they are drawn by class. data.holdout: auto holds them out so once there are "
                "more.",
            )
    target, rare = without_rare(task, source, held)
    labelled = task.labelled(target)
    available = labelled.copy()
    for mask in held:
        available &= True if mask is None else ~mask
    if not available.any():
        raise InputError(
            f"Fine-tuning needs labels. {source.name} has no labelled training row.", *rare
        )
    try:
        task.check(target[available], source.label_columns, source.name)
    except InputError as problem:
        raise InputError(*problem.problems, *rare) from None
    held = _drawn(held, task.strata(target), labelled, keys, config, np.random.default_rng(seed))
    assert held.test is not None and held.validation is not None
    stays = ~held.test & ~held.validation
    pretrains = task.pretrains(target)
    learns = task.learns_from(target, labelled & stays, lots(keys))
    # Of rows that nothing is trained on all can test, unless the source says which are to.
    spare = stays & ~pretrains & ~np.isin(keys, keys[learns]) & (holdout != "marked")
    parts = Splits(
        *map(
            np.flatnonzero,
            (
                stays & pretrains,
                held.validation & pretrains,
                learns,
                labelled & held.validation,
                labelled & (held.test | spare),
            ),
        )
    )
    _check_filled(parts, source.name)
    copies = int(np.isin(contents[parts.test], contents[parts.pretrain]).sum())
    if copies and (holdout == "marked" or source.roles.group is not None):
        notes += (
            f"{copies:,} of {len(parts.test):,} test rows of {source.name} equal a training row in "
            "every feature: what is said to be test rows or groups goes before that.",
        )
    repeated = len(contents) - len(np.unique(contents))
    return Split(parts, target, (*notes, *rare), holdout, repeated, contents)


def _check_marked(task: Task, source: Source, held: HeldOut) -> None:
    """Raise `InputError` for test rows that the source marks and that cannot be tested on."""
    if held.test is None or source.roles.time is not None:
        return
    target, labelled = source.target, source.labelled
    assert target is not None
    if not (labelled & held.test).any():
        raise InputError(f"Test rows need labels. None of the test rows of {source.name} has any.")
    if not (labelled & ~held.test).any():
        return
    unseen = task.unseen(target[labelled & ~held.test], target[labelled & held.test])
    if unseen:
        raise InputError(
            f"Every class needs training rows. {source.name} has "
            f"{', '.join(map(repr, unseen))} among its test rows only. Add rows, or remove "
            "these test rows."
        )


def _is_enough(task: Task, source: Source, held: HeldOut) -> bool:
    """Whether each part has a row with a label, and training rows two classes if there are two."""
    assert held.test is not None and held.validation is not None and source.target is not None
    labelled, stays = source.labelled, ~held.test & ~held.validation
    filled = all((labelled & side).any() for side in (held.test, held.validation, stays))
    strata = task.strata(source.target)
    few, all_of_them = (len(np.unique(strata[rows])) for rows in (labelled & stays, labelled))
    return filled and few >= min(2, all_of_them)


def _drawn(
    held: HeldOut,
    strata: np.ndarray,
    labelled: np.ndarray,
    keys: np.ndarray,
    config: DataConfig,
    rng: np.random.Generator,
) -> HeldOut:
    """The rows that are held out, with those drawn that are not known yet."""
    found = held._asdict()
    for part, mask in held._asdict().items():
        if mask is not None:
            continue
        free = np.ones(len(keys), bool)
        for known in found.values():
            free &= True if known is None else ~known
        rows = np.flatnonzero(labelled & free)
        keep = sum(known is None for known in found.values())
        wanted = getattr(config, part)
        drawn = rows[draw(strata[rows], keys[rows], wanted, keep, f"data.{part}", rng)]
        found[part] = free & np.isin(keys, keys[drawn])
    return HeldOut(**found)


def _check_filled(parts: Splits, where: str) -> None:
    empty = [name for name in ("train", "validation", "test") if not len(getattr(parts, name))]
    if empty:
        raise InputError(
            "There must be labelled rows to train, to validate and to test on. "
            f"{where} has none for: {', '.join(empty)}. Set data.holdout: drawn, change data.test "
            "or data.validation, or add labels."
        )


def label_budget(budget: int | float | Literal["all"], rows: int, least: int = 1) -> int:
    """How many labels a budget is: a count, a share of `rows` (at least so many), or all.

    Raises:
        InputError: when there are fewer rows.
    """
    if budget == "all":
        return rows
    if isinstance(budget, float):
        return max(least, round(budget * rows))
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
    return stratified_order(strata, 0, np.random.default_rng(seed))
