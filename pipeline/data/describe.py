"""What a source is and whether it can be used as configured."""

from typing import Any

import numpy as np

from pipeline.config import DataConfig
from pipeline.data.preprocessing import fit
from pipeline.data.source import Column, Source
from pipeline.data.splits import split
from pipeline.errors import InputError


def describe(source: Source, config: DataConfig) -> dict[str, Any]:
    """A JSON-ready account: sizes, columns, target, missing values, ranges, problems.

    `problems` lists why the source cannot be used as configured; it is empty when it can be.
    """
    return {
        "name": source.name,
        "origin": source.origin,
        "rows": source.rows,
        "columns": len(source.columns),
        "kinds": {
            "number": len(source.number_names),
            "category": len(source.category_names),
        },
        "image_shape": None if source.image_shape is None else list(source.image_shape),
        "per_column": _per_column(source) if source.table else None,
        "classes": _classes(source, config),
        "target_range": _target_range(source, config),
        "unlabelled_rows": int(source.rows - source.labelled.sum()),
        "test_rows": None if source.test is None else int(source.test.sum()),
        "missing": int(np.isnan(source.numbers).sum() + (source.categories == "").sum()),
        "range": _range(source.numbers),
        "problems": _problems(source, config),
    }


def _per_column(source: Source) -> list[dict[str, Any]]:
    numbers, categories = iter(source.numbers.T), iter(source.categories.T)
    return [
        _of_numbers(column, next(numbers))
        if column.kind == "number"
        else _of_categories(column, next(categories))
        for column in source.columns
    ]


def _of_numbers(column: Column, values: np.ndarray) -> dict[str, Any]:
    least, greatest = _range(values) or (None, None)
    missing = int(np.isnan(values).sum())
    return {**column._asdict(), "missing": missing, "min": least, "max": greatest}


def _of_categories(column: Column, values: np.ndarray) -> dict[str, Any]:
    missing = values == ""
    distinct = len(np.unique(values[~missing]))
    return {**column._asdict(), "missing": int(missing.sum()), "distinct": distinct}


def _classes(source: Source, config: DataConfig) -> dict[str, int] | None:
    if source.target is None or config.task == "regression":
        return None
    if config.task == "multilabel":
        applies = source.target[source.labelled].sum(axis=0).astype(int)
        return dict(zip(source.label_names, applies.tolist(), strict=True))
    names, counts = np.unique(source.target[source.labelled], return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def _target_range(source: Source, config: DataConfig) -> list[float] | None:
    if source.target is None or config.task != "regression":
        return None
    return _range(source.target)


def _range(values: np.ndarray) -> list[float] | None:
    """The least and greatest value, or None where there is none."""
    if np.isnan(values).all():
        return None
    return [float(np.nanmin(values)), float(np.nanmax(values))]


def _problems(source: Source, config: DataConfig) -> list[str]:
    problems = []
    try:
        rows = split(source, config, seed=0).pretrain
    except InputError as error:
        problems.append(str(error))
        rows = np.arange(source.rows)
    try:
        fit(source, rows, config)
    except InputError as error:
        problems.append(str(error))
    return problems
