"""The page that `layerwise data` prints: what the rows are, and what is done with each column."""

from textwrap import fill
from typing import Any

from rich.console import Console
from rich.table import Table

from flows.cli.tables import STYLE, WIDTH
from flows.terminal import output

HELD_OUT = {
    "drawn": "drawn at random, equal rows and groups together",
    "stable": "held out by their values or groups, so that they stay so",
    "marked": "as the source says",
}
"""How test rows are held out, in words."""
LISTED = 60
"""Columns that have a line of their own."""


def print_data(found: dict[str, Any], options: str) -> None:
    """Print a description (`pipeline.data.describe`) and the commands that take these options."""
    kinds = ", ".join(f"{count} of {kind}" for kind, count in found["kinds"].items() if count)
    output.print(
        f"\n{found['origin']}: {found['rows']:,} rows, {found['columns']} columns as features "
        f"({kinds})" + (f", {len(found['left_out'])} left out" if found["left_out"] else "")
    )
    output.print(f"Target: {_target(found)}")
    if split := found["split"]:
        output.print(
            f"Split: {split['train']:,} labelled rows to train on, {split['validation']:,} to "
            f"validate, {split['test']:,} to test, {HELD_OUT[split['holdout']]}; "
            f"{split['pretrain']:,} rows to pretrain on"
        )
    output.print()
    if found["per_column"]:
        _print_columns(output, found)
    for title, sentences in (
        ("Decided", found["notes"]),
        ("To watch", found["watch"]),
        ("Proposed", [_proposed(proposal) for proposal in found["proposed"]]),
        ("Problems", found["problems"]),
    ):
        if sentences:
            output.print(title)
            for sentence in sentences:
                output.print(fill(sentence, WIDTH, initial_indent="- ", subsequent_indent="  "))
            output.print()
    if not found["problems"]:
        output.print(f"To run it:    layerwise run {options}")
        output.print(f"As a config:  layerwise config {options}\n")


def _proposed(proposal: dict[str, Any]) -> str:
    return f"{proposal['key']}: {proposal['value']!r} ({proposal['why']})."


def _target(found: dict[str, Any]) -> str:
    if found["classes"] is not None:
        classes = ", ".join(f"{name} ({count:,})" for name, count in found["classes"].items())
        text = f"{len(found['classes'])} classes: {classes}"
    elif found["target_range"]:
        least, greatest = found["target_range"]
        text = f"a number from {least:g} to {greatest:g}"
    else:
        text = "none"
    unlabelled = found["unlabelled_rows"]
    return text + (f"; {unlabelled:,} rows without a label" if unlabelled else "")


def _print_columns(to: Console, found: dict[str, Any]) -> None:
    table = Table(**STYLE)
    for name in ("column", "kind", "missing", "values"):
        table.add_column(name, justify="right" if name == "missing" else "left", overflow="fold")
    for column in found["per_column"][:LISTED]:
        table.add_row(column["name"], column["kind"], f"{column['missing']:,}", _values(column))
    for column in found["left_out"][:LISTED]:
        table.add_row(column["name"], f"left out ({column['is']})", "", column["why"])
    to.print(table)
    more = max(0, len(found["per_column"]) - LISTED)
    to.print(f"and {more:,} columns more (--json lists them)\n" if more else "")


def _values(column: dict[str, Any]) -> str:
    if column["kind"] == "category":
        top = ", ".join(f"{name} ({count:,})" for name, count in column["top"].items())
        return f"{column['distinct']:,}: {top}" + (", ..." if column["distinct"] > 3 else "")
    if column["min"] is None:
        return "none"
    if column["kind"] == "date":
        import pandas as pd

        first, last = (pd.Timestamp(column[key], unit="s") for key in ("min", "max"))
        return f"{first} to {last}"
    if column["kind"] == "boolean":
        return "true or false"
    return f"{column['min']:g} to {column['max']:g}"
