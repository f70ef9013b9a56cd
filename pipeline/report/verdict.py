"""The verdict in sentences: what to use instead, what pretraining did, what the verdict is on."""

from collections.abc import Sequence

from pipeline.config.arms import ARMS
from pipeline.counting import counted, with_labels
from pipeline.evaluation.summary import Summary
from pipeline.evaluation.units import after_gain, score_text
from pipeline.report.tables import stacks_sentence


def verdict_sentence(summary: Summary) -> str:
    """What the run found: better models first, a sentence for each verdict, what those are on."""
    metric = summary["metric"]
    unit = after_gain(metric)
    found: dict[str, list[str]] = {}
    any_labels = any(row["labels"] for row in summary["comparison"])
    for row in summary["comparison"]:
        if row["gain"]:
            size = f"{score_text(row['gain']['mean'], metric, '+')}{unit}"
            if interval := row["gain"]["ci95"]:
                low, high = (score_text(end, metric, "+") for end in interval)
                size += f" [{low}, {high}]"
            labels = f"{counted(row['labels'], 'label')} " if any_labels else ""
            found.setdefault(row["verdict"], []).append(f"{labels}({size})")
    if not found:
        return "Nothing was compared: both the pretrained and the random arm must run."
    words = {
        "helps": "Pretraining helps{}.",
        "hurts": "Pretraining hurts{}.",
        "no evidence": "There is no evidence of an effect{}.",
        "incomplete": "Trials are missing, so that there is no verdict yet,{}.",
    }
    at = " at " if any_labels else " "
    sentences = [words[name].format(at + _listed(found[name])) for name in words if name in found]
    return " ".join([use_instead(summary), *sentences, stacks_sentence(summary)]).strip()


def use_instead(summary: Summary) -> str:
    """The best reference model at each label budget where one is ahead of the pretrained network.

    Ahead: its 95 % interval, paired over seeds, is above zero. Empty where none is.
    """
    metric = summary["metric"]
    unit = after_gain(metric)
    found = []
    for row in summary["comparison"]:
        ahead = {
            name: gain
            for name, gain in row["against"].items()
            if name not in ARMS and gain["ci95"] and gain["ci95"][1] < 0
        }
        if ahead:
            name = min(ahead, key=lambda reference: ahead[reference]["mean"])
            gain = ahead[name]
            size, high, low = (
                score_text(-value, metric, "+") for value in (gain["mean"], *gain["ci95"])
            )
            found.append(f"{with_labels(row['labels'])} use {name}: {size}{unit} [{low}, {high}]")
    if not found:
        return ""
    sentence = "; ".join(found)
    return f"{sentence[0].upper()}{sentence[1:]} over the pretrained network."


def _listed(parts: Sequence[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
