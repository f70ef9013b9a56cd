"""What a source is and whether it can be used as configured."""

from typing import Any, get_args

import numpy as np
import pandas as pd

from pipeline.config.data import DataConfig
from pipeline.data.features.words import becomes
from pipeline.data.problems import Usable
from pipeline.data.proposal import proposals
from pipeline.data.rows.streamed import StreamedRows
from pipeline.data.source import Column, Kind, Source
from pipeline.data.watch import to_watch

TOP = 3
"""Values of a category column that are named, the most frequent."""


def describe(source: Source, config: DataConfig, found: Usable) -> dict[str, Any]:
    """A JSON-ready account: sizes, columns, target, missing values, ranges, problems.

    `problems` lists why the source cannot be used as configured; it is empty when it can be.
    `notes` lists what was decided and what is lost where it can be; `watch` what people should
    look at before they believe a result; `proposed` what they would set in the config.
    """
    missing, least, greatest = _of_numbers(source)
    return {
        "name": source.name,
        "origin": source.origin,
        "rows": source.rows,
        "columns": len(source.columns),
        "kinds": {
            kind: sum(column.kind == kind for column in source.columns) for kind in get_args(Kind)
        },
        "image_shape": None if source.image_shape is None else list(source.image_shape),
        "per_column": _per_column(source, found, missing, least, greatest)
        if source.table
        else None,
        "left_out": [
            {"name": column.name, "is": column.kind, "why": column.why}
            for column in source.looked_at
            if not column.used
        ],
        "task": source.task.kind if source.task else None,
        **_target(source),
        "unlabelled_rows": int(source.rows - source.labelled.sum()),
        "test_rows": None if source.test is None else int(source.test.sum()),
        "split": found.split
        and {
            "holdout": found.split.holdout,
            **{name: len(rows) for name, rows in found.split.parts._asdict().items()},
        },
        "missing": int(missing.sum() + (source.categories == "").sum()),
        "range": _range(np.concatenate([least, greatest])),
        "problems": list(found.problems),
        "notes": list(found.notes),
        "watch": to_watch(source, found.split),
        "proposed": [proposal._asdict() for proposal in proposals(source, config)],
    }


def _of_numbers(source: Source) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each column of numbers how many are missing, the least and the greatest, NaN if none."""
    missing = np.zeros(len(source.number_names), np.int64)
    least = np.full(len(missing), np.nan)
    greatest = least.copy()
    for _, block in source.number_blocks():
        missing += np.isnan(block).sum(axis=0)
        least = np.fmin(least, np.fmin.reduce(block, axis=0))
        greatest = np.fmax(greatest, np.fmax.reduce(block, axis=0))
    return missing, least, greatest


def _per_column(
    source: Source,
    found: Usable,
    missing: np.ndarray,
    least: np.ndarray,
    greatest: np.ndarray,
) -> list[dict[str, Any]]:
    extremes = np.column_stack([least, greatest])
    numbers = iter(zip(missing, extremes, _distinct(source), strict=True))
    categories = iter(source.categories.T)
    columns = source.columns
    made = becomes(found.preprocessing) if found.preprocessing else [""] * len(columns)
    return [
        _of_categories(column, next(categories)) | {"becomes": words}
        if column.is_category
        else _of_number(column, *next(numbers)) | {"becomes": words}
        for column, words in zip(columns, made, strict=True)
    ]


def _distinct(source: Source) -> list[int | None]:
    """How many different values each column of numbers has; None where rows are on disk."""
    if isinstance(source.numbers, StreamedRows):
        return [None] * len(source.number_names)
    return [len(pd.unique(column[~np.isnan(column)])) for column in source.numbers.T]


def _of_number(
    column: Column, missing: int, extremes: np.ndarray, distinct: int | None
) -> dict[str, Any]:
    least, greatest = _range(extremes) or (None, None)
    return _of(column, missing) | {"distinct": distinct, "min": least, "max": greatest}


def _of_categories(column: Column, values: np.ndarray) -> dict[str, Any]:
    missing = values == ""
    names, counts = np.unique(values[~missing], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:TOP]
    top = dict(zip(names[order].tolist(), counts[order].tolist(), strict=True))
    return _of(column, missing.sum()) | {"distinct": len(names), "top": top}


def _of(column: Column, missing: int) -> dict[str, Any]:
    return {"name": column.name, "kind": column.kind, "missing": int(missing)}


def _target(source: Source) -> dict[str, Any]:
    if source.task is None or source.target is None:
        return {"classes": None, "target_range": None}
    return source.task.describe(source.target, source.label_columns)


def _range(values: np.ndarray) -> list[float] | None:
    """The least and greatest value, or None where there is none."""
    if np.isnan(values).all():
        return None
    return [float(np.nanmin(values)), float(np.nanmax(values))]
