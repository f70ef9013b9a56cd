"""What the gate came to, in words."""

from collections.abc import Mapping
from textwrap import fill
from typing import Any

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


def gate_decision(found: Mapping[str, Any]) -> str:
    """What was decided of a version, and why: for pages that are read when it is long past."""
    version, before = found["version"], found["champion_before"]
    words, reasons = f"version {version} of {found['model']}", found["reasons"]
    if found["promoted"]:
        was = "" if before is None else f", instead of version {before}"
        words += f" became the champion{was}."
    elif before == version:
        words, reasons = f"{words} stayed the champion, which it was already.", []
    else:
        stays = "there was no champion"
        if before is not None:
            stays = f"version {before} stayed the champion"
        words += f" was not promoted; {stays}."
    if found["cached"]:
        words = f"an earlier run decided: {words}"
    return " ".join([words[0].upper() + words[1:], *reasons])
