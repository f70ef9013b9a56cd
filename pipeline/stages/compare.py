"""The stage that compares the arms."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

from pipeline.config.part import Part
from pipeline.evaluation.compare import Score, Verdict, compare, comparison_entry
from pipeline.evaluation.label_saving import label_saving_entry, label_savings
from pipeline.evaluation.metrics import METRICS
from pipeline.evaluation.resplit import Resplit
from pipeline.stages.base import Outcome, Stage
from pipeline.stages.context import Context
from pipeline.stages.summary import COMPARISON
from pipeline.stages.trial import Trial
from pipeline.tracking.artifacts import correct_predictions, store_json, stored_json
from pipeline.tracking.runs import StageRun
from pipeline.training.progress import Watch


class Comparing(Part):
    """What is compared: the trials in the order of the inputs, by the task's metric."""

    trials: tuple[Trial, ...]
    stacks: tuple[int | None, ...]
    """Of each trial the stack that it starts from, if it starts from one."""
    metric: str
    missing: tuple[Trial, ...] = ()
    """Trials of the run that were not done."""
    resplit: Resplit | None = None
    """How the rows are split anew for each seed; None where all seeds share a split."""


@dataclass(frozen=True)
class CompareArms(Stage):
    """Computes gain, interval and verdict for each label budget; its inputs are the trials."""

    kind = "compare"
    contract = 2
    packages = ("scipy",)
    settings: Comparing

    @property
    def name(self) -> str:
        return "compare"

    @property
    def params(self) -> Mapping[str, Any]:
        return {"metric": self.settings.metric}

    def last_step(self, metrics: Mapping[str, float]) -> int:
        """The largest label budget: a copy is given its value, as the last of each metric."""
        return max(trial.labels for trial in self.settings.trials)

    def compute(self, context: Context, record: StageRun, watch: Watch) -> dict[str, float]:
        """Store the comparison as JSON."""
        settings = self.settings
        scores = [
            self._score(context, trial, stack, done)
            for trial, stack, done in zip(
                settings.trials, settings.stacks, self.inputs, strict=True
            )
        ]
        metric = settings.metric
        missing = {(trial.arm, trial.labels, trial.seed) for trial in settings.missing}
        rows = compare(scores, missing, settings.resplit)
        whole = {row.labels for row in rows if row.verdict != "incomplete"}
        # Without labels there is no number of them that another arm would need.
        curves = [score for score in scores if score.labels and score.labels in whole]
        savings = label_savings(curves, settings.resplit)
        entries = {
            "comparison": [comparison_entry(row, metric) for row in rows],
            "label_saving": [label_saving_entry(row) for row in savings],
            "missing": _missing(settings.missing),
        }
        store_json(record, COMPARISON, entries)
        return {}

    def finish(self, context: Context, record: StageRun, outcome: Outcome) -> None:
        """Log scores and gains: with this run by step, the label budget; with its parent by name.

        Of the steps of a metric MLflow's tables show the last alone. The parent gets the verdicts
        as tags, too: that of each budget, and those that there are, to search for.
        """
        entries = stored_json(context.tracker, outcome.run_id, COMPARISON)
        parent = context.parent
        for row in entries["comparison"]:
            found = _metrics(row, self.settings.metric)
            record.metrics(found, row["labels"])
            parent.metrics({f"{name}_at_{row['labels']}": v for name, v in found.items()})
        parent.flush()
        verdicts = {row["labels"]: row["verdict"] for row in entries["comparison"] if row["gain"]}
        told = [verdict for verdict in get_args(Verdict) if verdict in verdicts.values()]
        parent.tags({"verdicts": json.dumps(verdicts), "verdict": ", ".join(told)})

    def _score(self, context: Context, trial: Trial, stack: int | None, done: Outcome) -> Score:
        correct = None
        if context.data.task.counts_correct_rows:
            correct = partial(correct_predictions, context.tracker, done.run_id)
        metric = METRICS[self.settings.metric]
        score = done.metrics[metric.name]
        less = metric.less_is_better
        return Score(trial.arm, trial.labels, trial.seed, score, stack, correct, less)


def _missing(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """The seeds that are missing, by label budget and arm."""
    seeds: dict[tuple[int, str], list[int]] = {}
    for trial in trials:
        seeds.setdefault((trial.labels, trial.arm), []).append(trial.seed)
    return [
        {"labels": labels, "arm": arm, "seeds": of_arm} for (labels, arm), of_arm in seeds.items()
    ]


def _metrics(row: Mapping[str, Any], metric: str) -> dict[str, float]:
    """One label budget as MLflow's metrics."""
    found = {f"{metric}_{arm}": scores["mean"] for arm, scores in row["arms"].items()}
    if row["gain"]:
        found["gain"] = row["gain"]["mean"]
        if row["gain"]["ci95"]:
            found["gain_low"], found["gain_high"] = row["gain"]["ci95"]
    return found
