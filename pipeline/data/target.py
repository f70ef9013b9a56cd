"""The labels of a source, and the target that a task makes of them."""

from dataclasses import replace

import numpy as np

from pipeline.config.data import DataConfig
from pipeline.config.task import TaskConfig
from pipeline.data.category import category_name, category_names
from pipeline.data.problems import usable
from pipeline.data.source import Source
from pipeline.data.weights import weight_problems, without_weightless
from pipeline.errors import InputError, raise_all
from pipeline.tasks import task_for
from pipeline.tasks.labels import Labels


def labels_of(
    values: np.ndarray,
    rows: int,
    unlabelled: str | None,
    where: str,
    columns: tuple[str, ...] = (),
) -> Labels:
    """The labels `values` of `rows` rows.

    `values` is (rows,) or (rows, labels): text, integers, booleans or floats; (rows, 1) is one
    label, unless `columns` names it. Empty and NaN values, and those that equal `unlabelled`, mean
    that a row has no label. `where` opens the messages.

    Raises:
        InputError: for a wrong shape, length or type, and for infinite values.
    """
    if values.ndim == 2 and values.shape[1] == 1 and not columns:
        values = values[:, 0]
    if values.ndim not in (1, 2):
        raise InputError(
            f"Labels are an array (rows,) or (rows, labels). {where} has labels of shape "
            f"{values.shape}. Reshape them."
        )
    if len(values) != rows:
        raise InputError(
            f"Every row needs its label. {where} has {rows} rows and {len(values)} labels. "
            "Make them equally many."
        )
    check_labels(values, where)
    if values.dtype.kind == "f" and np.isinf(values).any():
        row = int(np.argwhere(np.isinf(values))[0][0]) + 1
        raise InputError(
            f"Labels must be finite. {where} has infinite ones, first in row {row}. Correct them, "
            "or make them empty (NaN): such rows serve pretraining only."
        )
    names = category_names(values)
    if unlabelled is not None:
        names[names == category_name(unlabelled)] = ""
    if values.ndim == 2 and not columns:
        columns = tuple(f"label {number}" for number in range(values.shape[1]))
    return Labels(values, names, columns, where)


def check_labels(values: np.ndarray, where: str) -> None:
    """Raise `InputError` for labels that are neither text nor numbers."""
    if values.dtype.kind not in "iufbUS":
        raise InputError(
            f"Labels must be text or numbers. {where} has labels of type {values.dtype}. "
            "Convert them."
        )


def with_target(source: Source, section: TaskConfig, config: DataConfig) -> Source:
    """The source with the target that the task makes of its labels, if it has any.

    Raises:
        InputError: for columns that cannot be used and labels that are none of the task's, with
            all else that is wrong.
    """
    task = task_for(section, source.labels)
    problems = list(source.problems)
    target = None
    try:
        if source.labels is not None:
            target = task.target(source.labels)
        elif not task.needs_labels:
            target = task.without_labels(source.rows)
    except InputError as problem:
        problems += problem.problems
    found = replace(source, task=task, target=target)
    if config.weight is not None and target is not None:
        problems += weight_problems(found, config.weight)
        found = without_weightless(found, config.weight)
    if problems and source.columns and target is not None:
        problems += usable(found, config, seed=0).problems
    raise_all(problems)
    return found
