"""The tables that a person reads at the end of a run: levels, then arms by label budget."""

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from pipeline.summary import Summary

# Narrow enough for 80 columns.
STYLE: dict[str, Any] = {"box": SIMPLE_HEAD, "pad_edge": False, "collapse_padding": True}
ARMS = ("pretrained", "random", "frozen")


def print_summary(summary: Summary, console: Console) -> None:
    """Print levels, comparison and where the export is."""
    data = summary["data"]
    classes = f", {len(data['classes'])} classes" if data["classes"] else ""
    console.print(
        f"\n{data['name']}: {data['rows']:,} rows, {data['features']} features{classes}; "
        f"{data['pretrain_rows']:,} pretraining, {data['validation_rows']:,} validation, "
        f"{data['test_rows']:,} test"
    )
    console.print(_levels(summary))
    console.print(_arms(summary))
    console.print(
        "Gain: pretrained minus random on the test rows, paired by seed; interval of its mean by\n"
        "Student's t. One pretrained stack serves all seeds. In every arm alike, "
        f"{data['validation_rows']:,}\n"
        "further labels choose the encoder's rate and the checkpoint.",
        style="dim",
    )


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


def _arms(summary: Summary) -> Table:
    rows = summary["comparison"]
    arms = sorted({arm for row in rows for arm in row["arms"]}, key=ARMS.index)
    seeds = max(len(s[summary["metric"]]) for row in rows for s in row["arms"].values())
    over = f"mean ± deviation over {seeds} seeds" if seeds > 1 else "one seed"
    title = f"Fine-tuning, {_metric_words(summary)}, {over}"
    table = Table(title=title, **STYLE)
    for name in ("labels", *arms, "gain", "95 % interval", "verdict"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            f"{row['labels']:,}",
            *(_mean_std(row["arms"].get(arm), summary) for arm in arms),
            *_gain(row, summary),
        )
    return table


def _mean_std(scores: Mapping[str, Any] | None, summary: Summary) -> str:
    if scores is None:
        return "-"
    scale, digits = _scale(summary), _digits(summary)
    return f"{scale * scores['mean']:.{digits}f} ± {scale * scores['std']:.{digits}f}"


def _gain(row: Mapping[str, Any], summary: Summary) -> tuple[str, str, str]:
    if row["gain"] is None:
        return "-", "-", "-"
    scale, digits = _scale(summary), _digits(summary)
    interval = row["gain"]["ci95"]
    if interval:
        shown = f"[{scale * interval[0]:+.{digits}f}, {scale * interval[1]:+.{digits}f}]"
    else:
        shown = "one seed" if row["gain"]["p_value"] is None else "no spread"
    return f"{scale * row['gain']['mean']:+.{digits}f}", shown, row["verdict"]


def _metric_words(summary: Summary) -> str:
    return "accuracy in %" if summary["metric"] == "accuracy" else "R squared"


def _scale(summary: Summary) -> float:
    return 100.0 if summary["metric"] == "accuracy" else 1.0


def _digits(summary: Summary) -> int:
    return 1 if summary["metric"] == "accuracy" else 3
