"""The recommendation in words: what to use at each label budget, why, and what it costs."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipeline.config.arms import ARMS
from pipeline.counting import counted, with_labels
from pipeline.evaluation.gain import Gain
from pipeline.evaluation.metrics import PERCENT, UNITS_OF_THE_TARGET
from pipeline.evaluation.recommendation import (
    MARGIN,
    Cost,
    Option,
    Recommendation,
    margin,
    may_be_chance,
    recommendation,
)
from pipeline.evaluation.summary import Summary
from pipeline.evaluation.units import after_gain, after_score, score_text
from pipeline.report.facts import Exported
from pipeline.report.tables import TextTable

Costs = Mapping[int, Mapping[str, Cost]]
"""Of one model, by label budget and by arm or reference model."""


class RunCosts(NamedTuple):
    """Seconds of work that a run is made of, whoever did it: a cached stage counts as computed."""

    models: Costs
    stacks: int
    pretraining: float
    """Of all stacks."""
    trials: float
    """Of all trials."""


def recommendations(summary: Summary, costs: Costs) -> list[Recommendation]:
    """One for each label budget."""
    return [
        recommendation(row, summary["metric"], costs[row["labels"]])
        for row in summary["comparison"]
    ]


def recommendation_sentences(found: Sequence[Recommendation], metric: str) -> list[str]:
    """What to use, a paragraph for each label budget."""
    return [" ".join(_sentences(one, metric)) for one in found]


def exported_sentence(found: Sequence[Recommendation], exported: Exported) -> str:
    """Whether the exported network is what is recommended at its label budget, and if not, why."""
    (used,) = [one.use.name for one in found if one.labels == exported.labels]
    if used == exported.arm:
        return (
            f"That network of {used}{_at_labels(exported.labels)} is exported, as "
            f"{exported.registered}."
        )
    reason = (
        f"To have that of {used}, set export.arm to {used}."
        if used in ARMS
        else f"{used} is a reference model, which is not exported."
    )
    return (
        f"Exported, as {exported.registered}, is the network of {exported.arm}"
        f"{_at_labels(exported.labels)}, which the validation rows or export.arm chose. "
        f"{reason}"
    )


def rule_sentence(metric: str) -> str:
    """By what rule the recommendation is made, and what its limits are."""
    if metric in UNITS_OF_THE_TARGET:
        allowed = f"{100 * MARGIN:g} % of its score"
    else:
        of_metric = f"{margin(metric, 0):g}{after_gain(metric)}"
        allowed = "1 point" if metric in PERCENT else of_metric
    return (
        "The rule: the highest mean on the test rows, unless a cheaper model is as good. As good "
        "means: the 95 % interval of its paired difference from the best, over seeds, nowhere "
        f"falls more than {allowed} behind. Costs are the seconds for one model, as measured in "
        "this run, where stages ran beside each other. The best of several is chosen after its "
        "test rows were seen, so that its score flatters it a little."
    )


def cost_table(summary: Summary, costs: Costs) -> TextTable:
    """What one model of each arm costs at the largest label budget."""
    largest = summary["comparison"][-1]["labels"]
    return TextTable(
        f"Seconds for one model{_at_labels(largest)}",
        ("arm", "pretraining", "training", "together"),
        [
            (
                name,
                f"{cost.pretraining:,.1f}" if cost.pretraining else "-",
                f"{cost.training:,.1f}",
                f"{cost.seconds:,.1f}",
            )
            for name, cost in costs[largest].items()
        ],
    )


def pretraining_sentence(costs: RunCosts) -> str:
    """What share of the work pretraining was."""
    whole = costs.pretraining + costs.trials
    return (
        f"Pretraining {counted(costs.stacks, 'stack')} took {seconds_text(costs.pretraining)}, "
        f"{100 * costs.pretraining / whole:.0f} % of the {seconds_text(whole)} that pretraining "
        "and all trials took together."
    )


def seconds_text(seconds: float) -> str:
    """A duration as people read it: `0.4 s`, `12 s`, `3 min`, `2.5 h`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"


def _sentences(found: Recommendation, metric: str) -> list[str]:
    use, best = found.use, found.best
    where = f"At {counted(found.labels, 'label')} use" if found.labels else "Use"
    first = f"{where} {_option(use, metric)}."
    if use.behind:
        difference = _difference(use.behind, metric)
        return [first, f"It costs less and is as good as {_option(best, metric)}: {difference}."]
    if not found.others:
        return [first, "Nothing else ran there."]
    sentences = [first]
    for option in dict.fromkeys([found.others[0], found.cheaper]):
        if option and option.behind:
            place = (
                "Next is" if option is found.others[0] else "The cheapest that may be as good is"
            )
            ending = ", which may be chance" if may_be_chance(option.behind) else ""
            if ending and option.cost.seconds < use.cost.seconds:
                ending += "; it costs less"
            sentences.append(
                f"{place} {_option(option, metric)}: {_difference(option.behind, metric)}{ending}."
            )
    return sentences


def _at_labels(labels: int) -> str:
    return f" {with_labels(labels)}" if labels else ""


def _option(option: Option, metric: str) -> str:
    unit = after_score(metric)
    score = f"{score_text(option.mean, metric)}{unit}"
    return f"{option.name} ({score}, {seconds_text(option.cost.seconds)})"


def _difference(gain: Gain, metric: str) -> str:
    unit = after_gain(metric)
    size = f"{score_text(gain.mean, metric, '+')}{unit}"
    if gain.interval is None:
        return size
    low, high = (score_text(end, metric, "+") for end in gain.interval)
    return f"{size} [{low}, {high}]"
