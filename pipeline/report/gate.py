"""What the gate came to, in words."""

from textwrap import fill

from pipeline.evaluation.summary import Summary

WIDTH = 80


def gate_lines(summary: Summary) -> str:
    """Which version is the champion now, and why; wrapped, for the terminal and logs."""
    found = summary["gate"]
    if not found:
        return "Champion:   not decided: the run has no gate."
    before = found["champion_before"]
    if found["promoted"]:
        was = "" if before is None else f", instead of version {before}"
        words = f"version {found['version']} of {found['model']}{was}."
    else:
        now = "none" if before is None else f"stays version {before} of {found['model']}"
        words = f"{now}; version {found['version']} was not promoted."
    if found["cached"]:
        words = f"as an earlier run decided (layerwise status shows it now): {words}"
    text = " ".join([words, *found["reasons"]])
    return fill(text, WIDTH, initial_indent="Champion:   ", subsequent_indent=" " * 12)
