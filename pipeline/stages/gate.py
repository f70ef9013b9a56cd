"""The stage that decides whether the exported model becomes the champion, the model in service."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.config.gate import GateConfig
from pipeline.config.part import Part
from pipeline.errors import InputError, listed
from pipeline.evaluation.common_rows import Difference, difference
from pipeline.evaluation.judgement import Candidate, Judgement, judge
from pipeline.seeds import derive
from pipeline.stages.base import Stage
from pipeline.stages.context import Context
from pipeline.stages.summary import COMPARISON, GATE
from pipeline.tracking.artifacts import store_json, stored_json
from pipeline.tracking.champion import (
    Champion,
    champion_of,
    move_champion,
    run_of_version,
    was_rolled_back,
)
from pipeline.tracking.promotion_lock import promotion_lock
from pipeline.tracking.runs import FinishedRun, StageRun
from pipeline.tracking.scored_rows import ScoredModel, stored_scored_rows
from pipeline.training.progress import Watch


class Gating(Part):
    """What decides, beside the two models."""

    name: str
    """Of the registered model."""
    labels: int
    """The label budget of the exported network."""
    metric: str
    seed: int
    """Of the run."""
    gate: GateConfig


@dataclass(frozen=True)
class PassGate(Stage):
    """Judges the exported model and moves the champion; inputs: the comparison and the export.

    A model is judged once: a run that finds the judgement moves nothing, so that what was promoted
    or rolled back since stays.
    """

    kind = "gate"
    packages = ("tensorflow",)
    settings: Gating

    @property
    def name(self) -> str:
        return "gate"

    def compute(self, context: Context, record: StageRun, watch: Watch) -> dict[str, float]:
        """Judge the model and, where it passes, make it the champion."""
        settings, client = self.settings, context.tracker.client
        exported = self._exported(context)
        version = int(exported.tags["version"])
        candidate = self._candidate(context, exported)
        with promotion_lock():
            now = champion_of(settings.name, client)
            compared = None
            if now.champion is not None:
                compared = self._compared(context, now.champion)
            judgement = judge(settings.gate, candidate, now.champion, settings.metric, compared)
            if stays := _stays(context, now, version):
                judgement = Judgement(False, (stays,))
            if judgement.passed:
                move_champion(client, settings.name, version, now)
        found = {
            "model": settings.name,
            "version": version,
            "champion_before": now.champion,
            "promoted": judgement.passed,
            "reasons": list(judgement.reasons),
            "compared": compared._asdict()
            if isinstance(compared, Difference) and compared.rows
            else None,
            **candidate._asdict(),
        }
        store_json(record, GATE, found)
        record.tags({"version": version, "promoted": judgement.passed})
        return {
            "promoted": float(judgement.passed),
            "latency_ms": candidate.latency_ms,
            "size_mb": candidate.size_mb,
            **_metrics(compared),
        }

    def _exported(self, context: Context) -> FinishedRun:
        """This run's export."""
        children = context.tracker.children(context.run.run_id)
        (export,) = [child for child in children if child.tags["stage"] == "export"]
        return export

    def _candidate(self, context: Context, exported: FinishedRun) -> Candidate:
        from pipeline.export.latency import latency_ms, size_mb
        from pipeline.export.signatures.inputs import by_name

        comparison, _ = self.inputs
        rows = stored_json(context.tracker, comparison.run_id, COMPARISON)["comparison"]
        (verdict,) = [row["verdict"] for row in rows if row["labels"] == self.settings.labels]
        data, folder = context.data, Path(exported.tags["path"])
        columns = data.preprocessing.columns
        named = by_name(columns, data.layout is not None)
        row = data.numbers[:1], data.categories[:1]
        return Candidate(verdict, latency_ms(folder, columns, named, *row), size_mb(folder))

    def _compared(self, context: Context, champion: int) -> Difference | str:
        """How the model does against the champion on common test rows, or why nobody knows."""
        settings, tracker = self.settings, context.tracker
        _, export = self.inputs
        ours = stored_scored_rows(tracker, export.run_id)
        exported_by = run_of_version(tracker.client, settings.name, champion)
        try:
            theirs = stored_scored_rows(tracker, exported_by)
        except InputError as error:
            return f"what it predicted for its test rows is not known ({error})"
        if different := _different(ours, theirs):
            return different
        if context.tracker.run(context.run.run_id).tags.get("may_have_seen_test_rows") == "True":
            return "its levels started from some that may have been pretrained on its test rows."
        metric = context.data.task.metric(settings.metric)
        seed = derive(settings.seed, "gate")
        return difference(metric, ours.rows, theirs.rows, seed)


def _stays(context: Context, now: Champion, version: int) -> str | None:
    """Why the champion stays whatever the new model is worth; None where it need not."""
    model = now.model
    if now.champion == version:
        return f"Version {version} is the champion already."
    if was_rolled_back(context.tracker.client, model, version):
        return (
            f"Version {version} was taken out of service by a rollback. To have it back: layerwise "
            f"promote {model} {version}."
        )
    if now.champion is not None and now.champion > version:
        return (
            f"The champion, version {now.champion}, is a later model. To go back to version "
            f"{version}: layerwise promote {model} {version}."
        )
    return None


def _different(ours: ScoredModel, theirs: ScoredModel) -> str | None:
    """What the champion predicts and this model does not, if they answer different questions."""
    if ours.task != theirs.task:
        return f"its task is {theirs.task}, this model's is {ours.task}."
    for words, one, two in (
        ("it predicts the column", theirs.target, ours.target),
        ("its classes or labels are", theirs.classes, ours.classes),
    ):
        if one != two:
            return f"{words} {listed(one) or '(none)'}; this model's: {listed(two) or '(none)'}."
    return None


def _metrics(compared: Difference | str | None) -> Mapping[str, float]:
    if not isinstance(compared, Difference) or compared.interval is None:
        return {}
    low, high = compared.interval
    return {
        "common_test_rows": compared.rows,
        "difference": compared.mean,
        "difference_low": low,
        "difference_high": high,
    }
