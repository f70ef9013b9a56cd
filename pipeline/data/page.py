"""What people read about rows: the same in the terminal, in the report and in MLflow."""

import json
from typing import Any, NamedTuple

from pipeline.counting import counted

HELD_OUT = {
    "drawn": "drawn at random, equal rows and groups together",
    "resplit": "drawn anew for each seed, equal rows and groups together",
    "stable": "held out by their values or groups, so that they stay so",
    "marked": "as the source says",
}
"""How test rows are held out, in words."""
LONGEST_NAME = 16
"""Characters of a category that are shown."""
LISTED = 60
"""Columns that have a line of their own."""
LISTED_CLASSES = 20
"""Classes that are named."""


class ColumnLine(NamedTuple):
    """A column: its name, what it is taken for, what is in it, and what is made of it."""

    column: str
    kind: str
    missing: str
    distinct: str
    values: str
    becomes: str


class DataPage(NamedTuple):
    """A description (`pipeline.data.describe`) as text.

    Attributes:
        lead: what the rows are, their target and how they are split, a sentence each.
        columns: a line for each column of a table, those that are left out last.
        more: how many columns have no line.
        sections: sentences under a title each, none empty.
    """

    lead: list[str]
    columns: list[ColumnLine]
    more: int
    sections: dict[str, list[str]]


def data_page(found: dict[str, Any]) -> DataPage:
    """The page of a description."""
    per_column = found["per_column"] or []
    sections = {
        "Decided": found["notes"],
        "To watch": found["watch"],
        "Proposed": [
            f"{key}: {json.dumps(value, ensure_ascii=False)} ({why})."
            for key, value, why in map(dict.values, found["proposed"])
        ],
        "Problems": found["problems"],
    }
    columns = [
        ColumnLine(
            column=column["name"],
            kind=column["kind"],
            missing=f"{column['missing']:,}",
            distinct=_count(column["distinct"]),
            values=_values(column),
            becomes=column["becomes"],
        )
        for column in per_column[:LISTED]
    ]
    columns += [
        ColumnLine(column["name"], f"left out ({column['is']})", "", "", column["why"], "")
        for column in found["left_out"][:LISTED]
    ]
    return DataPage(
        lead=_lead(found),
        columns=columns,
        more=len(per_column) + len(found["left_out"]) - len(columns),
        sections={title: sentences for title, sentences in sections.items() if sentences},
    )


def _lead(found: dict[str, Any]) -> list[str]:
    kinds = ", ".join(f"{count} of {kind}" for kind, count in found["kinds"].items() if count)
    left_out = f", {len(found['left_out'])} left out" if found["left_out"] else ""
    lead = [
        f"{found['origin']}: {counted(found['rows'], 'row')}, "
        f"{counted(found['columns'], 'column')} as features "
        f"({kinds}){left_out}",
        f"Target: {_target(found)}",
    ]
    if split := found["split"]:
        lead.append(
            f"Split: {counted(split['train'], 'labelled row')} to train on, "
            f"{split['validation']:,} to validate, {split['test']:,} to test, "
            f"{HELD_OUT[split['holdout']]}; {counted(split['pretrain'], 'row')} to pretrain on"
        )
    return lead


def _target(found: dict[str, Any]) -> str:
    if found["classes"] is not None:
        listed = [f"{name} ({count:,})" for name, count in found["classes"].items()]
        beyond = len(listed) - LISTED_CLASSES
        more = f" and {beyond:,} more" if beyond > 0 else ""
        classes = ", ".join(listed[:LISTED_CLASSES]) + more
        text = f"{counted(len(found['classes']), 'class')}: {classes}"
    elif found["target_range"]:
        least, greatest = found["target_range"]
        text = f"a number from {_number(least)} to {_number(greatest)}"
    else:
        text = "none"
    unlabelled = found["unlabelled_rows"]
    return text + (f"; {counted(unlabelled, 'row')} without a label" if unlabelled else "")


def _values(column: dict[str, Any]) -> str:
    if column["kind"] == "category":
        top = ", ".join(f"{_short(name)} ({count:,})" for name, count in column["top"].items())
        return top + (", ..." if column["distinct"] > len(column["top"]) else "")
    if column["min"] is None:
        return "none"
    if column["kind"] == "date":
        import pandas as pd

        first, last = (pd.Timestamp(column[key], unit="s") for key in ("min", "max"))
        return f"{first} to {last}"
    if column["kind"] == "boolean":
        return "true or false"
    return f"{_number(column['min'])} to {_number(column['max'])}"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _count(distinct: int | None) -> str:
    return "" if distinct is None else f"{distinct:,}"


def _number(value: float) -> str:
    """Whole numbers in full: of identifiers and years every digit counts."""
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:g}"
