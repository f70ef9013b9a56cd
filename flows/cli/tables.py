"""What the commands print of results: levels, then arms by label budget, and where all is."""

import sys
from pathlib import Path
from textwrap import fill
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from flows.terminal import output
from pipeline.credentials import redact
from pipeline.evaluation.compare import seeds_needed
from pipeline.evaluation.differences import Differences
from pipeline.evaluation.metrics import WORDS
from pipeline.evaluation.summary import Summary
from pipeline.evaluation.units import gain_unit, scale, score_text
from pipeline.report.tables import (
    TextTable,
    gain_cells,
    headline,
    notes,
    p_text,
    seed_count,
    tables,
)

WIDTH = 80
# Narrow enough for 80 columns.
STYLE: dict[str, Any] = {"box": SIMPLE_HEAD, "pad_edge": False, "collapse_padding": True}


def print_results(summary: Summary) -> None:
    """Print the tables of a run, and where its model, its report and its record are."""
    from pipeline.tracking.store import tracking_uri

    print_summary(summary)
    output.print(f"\nSavedModel: {summary['export']['path']}")
    output.print(f"Registered: {summary['export']['model_uri']}")
    output.print(f"Report:     {summary['report']}")
    output.print(f"Run:        {summary['run_id']} in experiment {summary['experiment']}")
    mlflow = Path(sys.executable).parent / "mlflow"
    output.print(f"MLflow:     {mlflow} ui --backend-store-uri {redact(tracking_uri())}\n")


def print_summary(summary: Summary) -> None:
    """Print levels, comparison, label saving and what they mean."""
    output.print(f"\n{headline(summary)}")
    for table in tables(summary):
        output.print(_drawn(table))
    for note in notes(summary):
        output.print(fill(note, WIDTH), style="dim")


def _drawn(text: TextTable) -> Table:
    table = Table(title=text.title, **STYLE)
    for name in text.columns:
        table.add_column(name, justify="left" if name == "arm" else "right", no_wrap=True)
    for row in text.rows:
        table.add_row(*row)
    return table


def print_seeds(summary: Summary) -> None:
    """Print the score of every seed in every arm."""
    seeds = range(seed_count(summary))
    table = Table(title=f"Seed by seed, {WORDS[summary['metric']]}", **STYLE)
    for name in ("labels", "arm", *map(str, seeds)):
        table.add_column(name, justify="left" if name == "arm" else "right", no_wrap=True)
    for row in summary["comparison"]:
        for arm, scores in row["arms"].items():
            numbers = [score_text(score, summary["metric"]) for score in scores[summary["metric"]]]
            table.add_row(f"{row['labels']:,}", arm, *numbers)
    output.print(table)


def print_plan(summary: Summary, gain: float) -> None:
    """Print how many seeds would show a gain of this size, in the table's units."""
    metric = summary["metric"]
    table = Table(title=f"Seeds to see a gain of {gain:g} {gain_unit(metric)}", **STYLE)
    for name in ("labels", "standard deviation of the gain", "seeds"):
        table.add_column(name, justify="right")
    rows = [row for row in summary["comparison"] if row["gain"]]
    for row in rows:
        std = row["gain"]["std"]
        if std > 0:
            seeds = f"{seeds_needed(gain / scale(metric), std, len(rows)):,}"
            table.add_row(f"{row['labels']:,}", score_text(std, metric), seeds)
        else:
            shown = "one seed" if row["gain"]["p_value"] is None else "no spread"
            table.add_row(f"{row['labels']:,}", shown, "-")
    output.print(table)
    output.print(
        "Seeds at which a true gain of this size is called `helps` with a probability of 80 %,\n"
        "if gains deviate from seed to seed as in this run; Holm's correction at its strictest.",
        style="dim",
    )


def print_differences(first: Summary, second: Summary, found: Differences) -> None:
    """Print two runs beside each other: scores, differences, and settings that differ."""
    output.print()
    for letter, summary in (("A", first), ("B", second)):
        output.print(f"{letter}: run {summary['run_id']} of experiment {summary['experiment']}")
    table = Table(title=f"B against A, {WORDS[first['metric']]}", **STYLE)
    for name in ("labels", "arm", "A", "B", "B - A", "95 % interval", "p"):
        table.add_column(name, justify="left" if name == "arm" else "right", no_wrap=True)
    for row in found.rows:
        entry = {"mean": row.gain.mean, "ci95": row.gain.interval, "p_value": row.gain.p}
        table.add_row(
            f"{row.labels:,}",
            row.arm,
            score_text(row.first, first["metric"]),
            score_text(row.second, first["metric"]),
            *gain_cells(entry, first),
            "-" if row.p_holm is None else p_text(row.p_holm),
        )
    output.print(table)
    if found.settings:
        settings = Table(title="Settings that differ", **STYLE)
        for name in ("setting", "A", "B"):
            settings.add_column(name, overflow="fold")
        for name, values in found.settings.items():
            settings.add_row(name, *map(str, values))
        output.print(settings)
    how = (
        "Both runs have the same rows, splits and seed: paired by seed, Student's t"
        if found.paired
        else "The runs differ in rows, splits or seed: not paired, Welch's t"
    )
    text = f"{how}; p is corrected for the number of lines (Holm)."
    output.print(fill(text, WIDTH), style="dim")
