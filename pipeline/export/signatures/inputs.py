"""The inputs of an exported model: a table's columns by name, or one matrix."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from keyword import iskeyword
from typing import Any

import numpy as np

from pipeline.data.source import Column
from pipeline.data.sources.tables.sql import ISO
from pipeline.data.sources.tables.units import spellings

MATRIX = "rows"
"""The one input of a model that takes no names."""
NAMED_COLUMNS = 200
"""Up to here a table of numbers alone is taken by name: nobody writes more by hand, and to trace a
model of thousands of inputs takes a minute."""


def by_name(columns: Sequence[Column], table: bool) -> bool:
    """Whether a model has an input for each column; else it has one matrix, float64."""
    if any(column.kind in ("category", "date") for column in columns):
        return True
    return table and len(columns) <= NAMED_COLUMNS


def input_names(columns: Sequence[Column]) -> dict[str, str]:
    """The input of each column: its own name where TensorFlow takes it, else one like it.

    TensorFlow takes letters of ASCII, digits and _, a letter first, and no two names that differ
    in case alone.
    """
    taken: set[str] = set()
    names = {}
    # Those that can keep their name come first, so that no other takes it.
    for column in sorted(columns, key=lambda column: not _is_valid(column.name)):
        plain = re.sub(r"[^A-Za-z0-9]+", "_", column.name).strip("_")
        plain = column.name if _is_valid(column.name) else plain
        if not _is_valid(plain):
            plain = f"column_{plain}".rstrip("_")
        name, times = plain, 1
        while name.lower() in taken:
            times += 1
            name = f"{plain}_{times}"
        taken.add(name.lower())
        names[column.name] = name
    return {column.name: names[column.name] for column in columns}


def _is_valid(name: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII)) and not (
        name == "self" or iskeyword(name)
    )


def given_by_name(
    columns: Sequence[Column], numbers: np.ndarray, categories: np.ndarray, written: bool = False
) -> dict[str, np.ndarray]:
    """Raw rows (rows, number columns) and (rows, category columns) as inputs (rows,).

    Dates go in as "@SECONDS"; `written`: in the form of their column.
    """
    of_numbers, of_categories = iter(numbers.T), iter(categories.T)
    names = input_names(columns)
    inputs = {}
    for column in columns:
        values = next(of_categories if column.is_category else of_numbers)
        if column.kind == "number":
            values = values.astype(np.float64)
        elif column.kind == "date":
            values = _written(values, column.form) if written else _stamped(values)
        elif column.kind == "boolean":
            values = np.where(np.isnan(values), "", np.where(values == 1, "1", "0"))
        inputs[names[column.name]] = values
    return inputs


def _stamped(seconds: np.ndarray) -> np.ndarray:
    """Seconds since 1970 as text, exactly; "" where missing."""
    return np.where(np.isnan(seconds), "", np.char.add("@", seconds.astype(np.float64).astype(str)))


def _written(seconds: np.ndarray, form: str) -> np.ndarray:
    """Dates as text of a form, to the microsecond at most; "" where missing."""
    return np.array([date_text(value, form) for value in seconds.tolist()], dtype=str)


def date_text(seconds: float, form: str) -> str:
    """Seconds since 1970 in UTC as a date of this form; "" for NaN."""
    if np.isnan(seconds):
        return ""
    date = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=round(seconds * 1e6))
    if form == ISO:
        return date.replace(tzinfo=None).isoformat(" ")
    # Of years before 1000 strftime leaves out the zeros on some machines.
    return date.strftime(form.replace("%Y", f"{date.year:04d}"))


def kind_of_input(column: Column) -> dict[str, Any]:
    """What the input of a column takes, for people and programs.

    `units`: what may stand beside a number where it is written as text, and what each is worth.
    """
    return {
        "type": "float64" if column.kind == "number" else "string",
        "kind": column.kind,
        **({"form": column.form} if column.form else {}),
        **({"units": spellings(column.unit)} if column.unit else {}),
    }
