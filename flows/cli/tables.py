"""What the commands print of results: levels, then arms by label budget, and where all is."""

import shlex
import sys
from pathlib import Path
from textwrap import fill
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import JustifyMethod
from rich.table import Table

from flows.terminal import output
from pipeline.credentials import redact
from pipeline.evaluation.compare import seeds_needed
from pipeline.evaluation.differences import Differences
from pipeline.evaluation.metrics import METRICS, WORDS
from pipeline.evaluation.summary import Summary
from pipeline.evaluation.units import gain_unit, scale, score_text
from pipeline.report.gate import gate_lines
from pipeline.report.tables import (
    TextTable,
    by_labels,
    gain_cells,
    headline,
    notes,
    p_text,
    seed_count,
    tables,
)
from pipeline.report.verdict import use_instead

WIDTH = 80
LEFT = {"arm", "setting", "of A", "of B"}
"""Columns of text, aligned left."""
# Narrow enough for 80 columns.
STYLE: dict[str, Any] = {
    "box": SIMPLE_HEAD,
    "show_edge": False,  # it is spaces, around every line
    "title_justify": "left",
    "pad_edge": False,
    "collapse_padding": True,
}


def print_results(summary: Summary) -> None:
    """Print the tables of a run, and where its model, its report and its record are."""
    from pipeline.tracking.find import find_run
    from pipeline.tracking.pages.links import address, view_link
    from pipeline.tracking.store import tracking_uri

    print_summary(summary)
    if summary["cleaned"]:
        output.print(f"\nWeights and models: removed by `layerwise clean` ({summary['cleaned']})")
    elif summary["export"]:
        output.print(f"\nSavedModel: {summary['export']['path']}")
        output.print(f"Registered: {summary['export']['model_uri']}")
        output.print(gate_lines(summary))
    output.print(f"Report:     {summary['report']}")
    output.print(f"Run:        {summary['run_id']} in experiment {summary['experiment']}")
    program = str(Path(sys.executable).parent / "mlflow")
    command = [program, "ui", "--backend-store-uri", redact(tracking_uri())]
    output.print(f"MLflow:     {shlex.join(command)}")
    tracker, run = find_run(summary["run_id"])
    chart = view_link(tracker.experiment_id, run.run_id)
    output.print(f"Its chart:  {address(tracker.uri, chart)}\n")


def print_summary(summary: Summary) -> None:
    """Print levels, comparison, label saving and what they mean."""
    output.print(f"\n{headline(summary)}")
    for table in tables(summary):
        _print(table)
    if better := use_instead(summary):
        output.print(fill(better, WIDTH))
    for note in notes(summary):
        output.print(fill(note, WIDTH), style="dim")


def _print(text: TextTable) -> None:
    """Print a table and an empty line. On a narrow terminal cells break at spaces, not figures."""
    table = Table(title=text.title, **STYLE)
    for name, *cells in zip(text.columns, *text.rows, strict=True):
        longest = max(len(word) for cell in (name, *cells) for word in cell.split())
        last = name == text.columns[-1]  # aligned left its lines would end in spaces
        justify: JustifyMethod = "left" if name in LEFT and not last else "right"
        table.add_column(name, justify=justify, min_width=longest, overflow="fold")
    for row in text.rows:
        table.add_row(*row)
    output.print(table)
    output.print()


def print_seeds(summary: Summary) -> None:
    """Print the score of every seed in every arm."""
    metric = summary["metric"]
    columns = ("labels", "arm", *map(str, range(seed_count(summary))))
    rows = [
        (f"{row['labels']:,}", arm, *(score_text(score, metric) for score in scores[metric]))
        for row in summary["comparison"]
        for arm, scores in row["arms"].items()
    ]
    _print(by_labels(f"Seed by seed, {WORDS[metric]}", columns, rows))


def print_plan(summary: Summary, gain: float) -> None:
    """Print how many seeds would show a gain of this size, in the table's units."""
    metric = summary["metric"]
    compared = [row for row in summary["comparison"] if row["gain"]]
    rows: list[tuple[str, ...]] = []
    for row in compared:
        std = row["gain"]["std"]
        if std > 0:
            alike = row["correlation"] or 0.0
            needed = seeds_needed(gain / scale(metric), std, len(compared), alike)
            seeds = f"{needed:,}" if needed else "no number"
            rows.append((f"{row['labels']:,}", score_text(std, metric), seeds))
        else:
            shown = "one seed" if seed_count(summary) == 1 else "no spread"
            rows.append((f"{row['labels']:,}", shown, "-"))
    title = f"Seeds to see a gain of {gain:g} {gain_unit(metric, gain)}"
    _print(by_labels(title, ("labels", "standard deviation of the gain", "seeds"), rows))
    output.print(
        "Seeds at which a true gain of this size is called `helps` with a probability of 80 %,\n"
        "if gains deviate from seed to seed as in this run; Holm's correction at its strictest.",
        style="dim",
    )
    if any(row[-1] == "no number" for row in rows):
        output.print("no number: splits share their rows, which are too few.", style="dim")


def print_differences(first: Summary, second: Summary, found: Differences) -> None:
    """Print two runs beside each other: scores, differences, and settings that differ."""
    output.print()
    for letter, summary in (("A", first), ("B", second)):
        output.print(f"{letter}: run {summary['run_id']} of experiment {summary['experiment']}")
    metric, seeds = first["metric"], min(seed_count(first), seed_count(second))
    rows: list[tuple[str, ...]] = [
        (
            f"{row.labels:,}",
            row.arm,
            score_text(row.first, metric),
            score_text(row.second, metric),
            *gain_cells({"mean": row.gain.mean, "ci95": row.gain.interval}, metric, seeds),
            "-" if row.p_holm is None else p_text(row.p_holm),
        )
        for row in found.rows
    ]
    less = METRICS[metric].less_is_better
    columns = ("labels", "arm", "A", "B", "A - B" if less else "B - A", "95 % interval", "p")
    _print(by_labels(f"B against A, {WORDS[metric]}", columns, rows))
    if found.settings:
        settings = [(name, *map(str, values)) for name, values in found.settings.items()]
        _print(TextTable("Settings that differ", ("setting", "of A", "of B"), settings))
    how = (
        "Both runs have the same rows, splits and seed: paired by seed, Student's t"
        if found.paired
        else "The runs differ in rows, splits or seed: not paired, Welch's t"
    )
    text = f"{how}; p is corrected for the number of lines (Holm)."
    output.print(fill(text, WIDTH), style="dim")
