"""The tables that a person reads at the end of a run: levels, then arms by label budget."""

from collections.abc import Mapping
from textwrap import fill
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from pipeline.compare import BASELINE, CANDIDATE, seeds_needed
from pipeline.differences import Differences
from pipeline.metrics import PERCENT, WORDS
from pipeline.summary import Summary

WIDTH = 80
# Narrow enough for 80 columns.
STYLE: dict[str, Any] = {"box": SIMPLE_HEAD, "pad_edge": False, "collapse_padding": True}


def print_summary(summary: Summary, console: Console) -> None:
    """Print levels, comparison, label saving and what they mean."""
    data = summary["data"]
    what = "labels" if summary["metric"] == "f1" else "classes"
    classes = f", {len(data['classes'])} {what}" if data["classes"] else ""
    console.print(
        f"\n{data['name']}: {data['rows']:,} rows, {data['features']} features{classes}; "
        f"{data['pretrain_rows']:,} pretraining, {data['validation_rows']:,} validation, "
        f"{data['test_rows']:,} test"
    )
    console.print(_levels(summary))
    console.print(_gains(summary))
    if any(row["against"] for row in summary["comparison"]):
        console.print(_others(summary))
    if summary["label_saving"]:
        console.print(_label_saving(summary))
    console.print(_explanation(summary), style="dim")


def _explanation(summary: Summary) -> str:
    seeds, stacks = _seeds(summary), summary["pretrain_seeds"]
    if stacks == seeds:
        shared = "Each seed has a stack of its own."
    else:
        shared = (
            f"{stacks} pretrained {'stacks serve' if stacks > 1 else 'stack serves'} all seeds."
        )
    text = (
        "Gain: pretrained minus random on the test rows, paired by seed; 95 % interval of its mean "
        "by Student's t; p: of that test, corrected for the number of label budgets (Holm); the "
        f"verdict follows from p. {shared} In every arm alike, "
        f"{summary['data']['validation_rows']:,} further labels choose the encoder's rate and the "
        "checkpoint."
    )
    return "\n".join([fill(text, WIDTH), *_single_seed(summary)])


def _single_seed(summary: Summary) -> list[str]:
    """For one seed: how often the two networks differ on the test rows."""
    lines = []
    for row in summary["comparison"]:
        found = row["gain"] and row["gain"]["mcnemar"]
        if found:
            lines.append(
                f"{row['labels']:,} labels: {found['pretrained_only']:,} test rows are right in "
                f"pretrained only, {found['random_only']:,} in random only "
                f"(McNemar's test: p {_p(found['p_value'])})."
            )
    return lines


def _levels(summary: Summary) -> Table:
    table = Table(title="Pretraining, measured on validation rows", **STYLE)
    for name in ("level", "units", "epochs", "error", "explained", "active", "dead", "seconds"):
        table.add_column(name, justify="right")
    for number, layer in enumerate(summary["layers"], 1):
        table.add_row(
            str(number),
            str(layer["units"]),
            str(layer["epochs"]),
            f"{layer['reconstruction_error']:.4g}",
            f"{layer['explained_variance']:.3f}",
            f"{layer['active_fraction']:.3f}",
            f"{layer['dead_fraction']:.3f}",
            "cached" if layer["cached"] else f"{layer['seconds']:.1f}",
        )
    return table


def _gains(summary: Summary) -> Table:
    seeds = _seeds(summary)
    over = f"mean ± deviation over {seeds} seeds" if seeds > 1 else "one seed"
    table = Table(title=f"Fine-tuning, {_metric_words(summary)}, {over}", **STYLE)
    arms = [arm for arm in (CANDIDATE, BASELINE) if arm in summary["comparison"][0]["arms"]]
    for name in ("labels", *arms, "gain", "95 % interval", "p", "verdict"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in summary["comparison"]:
        gain = row["gain"]
        corrected = gain and gain["p_holm"]
        table.add_row(
            f"{row['labels']:,}",
            *(_mean_std(row["arms"].get(arm), summary) for arm in arms),
            *_gain(gain, summary),
            "-" if corrected is None else _p(corrected),
            row["verdict"] or "-",
        )
    return table


def _others(summary: Summary) -> Table:
    table = Table(title=f"Pretrained against others, {_metric_words(summary)}", **STYLE)
    for name in ("labels", "arm", "its score", "pretrained gains", "95 % interval"):
        table.add_column(name, justify="left" if name == "arm" else "right", no_wrap=True)
    for row in summary["comparison"]:
        for arm, gain in row["against"].items():
            table.add_row(
                f"{row['labels']:,}",
                arm,
                _mean_std(row["arms"][arm], summary),
                *_gain(gain, summary),
            )
    return table


def _label_saving(summary: Summary) -> Table:
    table = Table(title="Label saving", **STYLE)
    for name in ("pretrained at", "equals random at", "95 % interval", "times"):
        table.add_column(name, justify="right", no_wrap=True)
    budgets = [row["labels"] for row in summary["label_saving"]]

    def bound(number: float) -> str:
        return "≤ " if number <= budgets[0] else "≥ " if number >= budgets[-1] else ""

    def labels(number: float) -> str:
        return f"{bound(number)}{number:,.0f}"

    for row in summary["label_saving"]:
        interval = row["ci95"]
        table.add_row(
            f"{row['labels']:,}",
            labels(row["equals"]),
            f"[{labels(interval[0])}, {labels(interval[1])}]" if interval else "one seed",
            f"{bound(row['equals'])}{row['times']:.1f}",
        )
    return table


def print_seeds(summary: Summary, console: Console) -> None:
    """Print the score of every seed in every arm."""
    seeds = range(_seeds(summary))
    table = Table(title=f"Seed by seed, {_metric_words(summary)}", **STYLE)
    for name in ("labels", "arm", *map(str, seeds)):
        table.add_column(name, justify="left" if name == "arm" else "right", no_wrap=True)
    for row in summary["comparison"]:
        for arm, scores in row["arms"].items():
            numbers = [_number(score, summary) for score in scores[summary["metric"]]]
            table.add_row(f"{row['labels']:,}", arm, *numbers)
    console.print(table)


def print_plan(summary: Summary, gain: float, console: Console) -> None:
    """Print how many seeds would show a gain of this size, in the table's units."""
    table = Table(title=f"Seeds to see a gain of {gain:g}", **STYLE)
    for name in ("labels", "deviation of the gain", "seeds"):
        table.add_column(name, justify="right")
    rows = [row for row in summary["comparison"] if row["gain"]]
    for row in rows:
        std = row["gain"]["std"]
        seeds = f"{seeds_needed(gain / _scale(summary), std, len(rows)):,}" if std else "-"
        table.add_row(f"{row['labels']:,}", _number(std, summary) if std else "one seed", seeds)
    console.print(table)
    console.print(
        "Seeds at which a true gain of this size is called `helps` with a probability of 80 %,\n"
        "if gains deviate from seed to seed as in this run; Holm's correction at its strictest.",
        style="dim",
    )


def print_differences(
    first: Summary, second: Summary, found: Differences, console: Console
) -> None:
    """Print two runs beside each other: scores, differences, and settings that differ."""
    console.print()
    for letter, summary in (("A", first), ("B", second)):
        console.print(f"{letter}: run {summary['run_id']} of experiment {summary['experiment']}")
    table = Table(title=f"B against A, {_metric_words(first)}", **STYLE)
    for name in ("labels", "arm", "A", "B", "B - A", "95 % interval", "p"):
        table.add_column(name, justify="left" if name == "arm" else "right", no_wrap=True)
    for row in found.rows:
        entry = {"mean": row.gain.mean, "ci95": row.gain.interval, "p_value": row.gain.p_value}
        table.add_row(
            f"{row.labels:,}",
            row.arm,
            _number(row.first, first),
            _number(row.second, first),
            *_gain(entry, first),
            "-" if row.p_holm is None else _p(row.p_holm),
        )
    console.print(table)
    if found.settings:
        settings = Table(title="Settings that differ", **STYLE)
        for name in ("setting", "A", "B"):
            settings.add_column(name, overflow="fold")
        for name, values in found.settings.items():
            settings.add_row(name, *map(str, values))
        console.print(settings)
    how = (
        "Both runs have the same rows, splits and seed: paired by seed, Student's t"
        if found.paired
        else "The runs differ in rows, splits or seed: not paired, Welch's t"
    )
    text = f"{how}; p is corrected for the number of lines (Holm)."
    console.print(fill(text, WIDTH), style="dim")


def _seeds(summary: Summary) -> int:
    return max(
        len(scores[summary["metric"]])
        for row in summary["comparison"]
        for scores in row["arms"].values()
    )


def _mean_std(scores: Mapping[str, Any] | None, summary: Summary) -> str:
    if scores is None:
        return "-"
    return f"{_number(scores['mean'], summary)} ± {_number(scores['std'], summary)}"


def _gain(gain: Mapping[str, Any] | None, summary: Summary) -> tuple[str, str]:
    if gain is None:
        return "-", "-"
    if gain["ci95"]:
        low, high = (_number(end, summary, "+") for end in gain["ci95"])
        shown = f"[{low}, {high}]"
    else:
        shown = "one seed" if gain["p_value"] is None else "no spread"
    return _number(gain["mean"], summary, "+"), shown


def _p(value: float) -> str:
    return f"{value:.2g}" if value >= 1e-3 else "< 0.001"


def _number(value: float, summary: Summary, sign: str = "") -> str:
    digits = 1 if summary["metric"] in PERCENT else 3
    return f"{_scale(summary) * value:{sign}.{digits}f}"


def _metric_words(summary: Summary) -> str:
    return WORDS[summary["metric"]]


def _scale(summary: Summary) -> float:
    return 100.0 if summary["metric"] in PERCENT else 1.0
