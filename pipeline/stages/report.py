"""The stage that draws what a run came to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.config.arms import ARMS, CANDIDATE, CONTROL
from pipeline.config.part import Part
from pipeline.config.task import WithoutLabels
from pipeline.config.untrained import UntrainedLevel
from pipeline.data.page import data_page
from pipeline.data.rows.sample import sample
from pipeline.seeds import derive
from pipeline.stages.base import Outcome, Stage
from pipeline.stages.context import Context
from pipeline.stages.report_of_rows import sections_of_rows
from pipeline.stages.summary import PAGE_CONTENT, REPORT, read_config, read_summary
from pipeline.stages.trial import Trial
from pipeline.tasks.metric import reliability
from pipeline.tracking.artifacts import predictions_of, store_text, stored_json
from pipeline.tracking.runs import StageRun
from pipeline.training.progress import Watch

if TYPE_CHECKING:
    from pipeline.report.facts import Exported
    from pipeline.report.page import TrialDiagnostics
    from pipeline.report.recommendation import RunCosts
    from pipeline.report.section import Section, TableSection

CURVES = ("loss", "explained_variance", "active_fraction", "dead_fraction")


class Reporting(Part):
    """What the report shows."""

    name: str
    """Of the experiment, in its heading."""
    seed: int
    """Of the run."""
    trials: tuple[Trial, ...]
    stack: tuple[UntrainedLevel, ...]
    stacks: int
    exported: Trial | None
    """Whose network is exported; None where there is no time to."""
    metric: str
    unlabelled: WithoutLabels | None
    """Of a task without labels, which has settings that trained nothing and count here."""


@dataclass(frozen=True)
class DrawReport(Stage):
    """Draws one HTML file, and keeps each figure with its own stage too.

    Its inputs are the data, the levels of each stack, the gate where there is an export, and the
    trials.
    """

    kind = "report"
    contract = 3
    packages = ("tensorflow", "keras", "matplotlib")
    settings: Reporting

    @property
    def name(self) -> str:
        return "report"

    @property
    def params(self) -> Mapping[str, Any]:
        return {"name": self.settings.name}

    def compute(self, context: Context, record: StageRun, watch: Watch) -> dict[str, float]:
        """Draw the report and store it."""
        from pipeline.report.facts import facts
        from pipeline.report.page import comparison_sections, report_html

        tracker = context.tracker
        run = tracker.run(context.run.run_id)
        summary = read_summary(tracker, run)
        summary["experiment"] = self.settings.name
        (comparison,) = [
            child
            for child in tracker.children(context.run.run_id)
            if child.tags["stage"] == "compare"
        ]
        of_trials = comparison_sections(summary, self._diagnostics(context))
        for section in of_trials:
            StageRun(tracker.client, comparison.made_by).picture(section.name, section.png)
        of_levels = [self._of_levels(context, *stack) for stack in enumerate(self._stacks)]
        page = data_page(stored_json(tracker, self.inputs[0].run_id, PAGE_CONTENT))
        known = facts(
            read_config(tracker, run),
            self._exported(summary["gate"]),
            self.settings.metric,
            {"MLflow": tracker.page(run.run_id), "Prefect": run.tags.get("prefect_page")},
        )
        sections = (*of_trials, *self._of_rows(context), *of_levels[0])
        store_text(record, REPORT, report_html(summary, page, sections, self._costs(), known))
        return {}

    @property
    def _stacks(self) -> list[tuple[Outcome, ...]]:
        """The levels of each."""
        height = len(self.settings.stack)
        return [
            self.inputs[1 + n * height : 1 + (n + 1) * height] for n in range(self.settings.stacks)
        ]

    @property
    def _trials(self) -> list[tuple[Trial, Outcome]]:
        done = self.inputs[len(self.inputs) - len(self.settings.trials) :]
        return list(zip(self.settings.trials, done, strict=True))

    def _costs(self) -> "RunCosts":
        """Seconds of the stages, of cached ones those of the run that did the work."""
        from pipeline.evaluation.recommendation import Cost
        from pipeline.report.recommendation import RunCosts

        stacks = [[level.metrics["seconds"] for level in stack] for stack in self._stacks]
        pretraining = sum(map(sum, stacks))
        seconds: dict[int, dict[str, list[float]]] = {}
        for trial, done in self._trials:
            of_budget = seconds.setdefault(trial.labels, {})
            of_budget.setdefault(trial.arm, []).append(done.metrics["seconds"])

        def cost(name: str, taken: Sequence[float]) -> Cost:
            arm = ARMS.get(name)
            of_stack = 0.0
            if arm is not None and arm.weights == "stack":
                of_stack = fmean(sum(stack[: arm.levels]) for stack in stacks)
            return Cost(of_stack, median(taken))

        models = {
            labels: {name: cost(name, taken) for name, taken in of_budget.items()}
            for labels, of_budget in seconds.items()
        }
        trials = sum(done.metrics["seconds"] for _, done in self._trials)
        return RunCosts(models, self.settings.stacks, pretraining, trials)

    def _exported(self, gate: Mapping[str, Any]) -> "Exported | None":
        from pipeline.report.facts import Exported
        from pipeline.report.gate import gate_decision

        settings = self.settings
        if settings.exported is None:
            return None
        metrics = dict(self._trials)[settings.exported].metrics
        return Exported(
            **settings.exported.model_dump(),
            validation=metrics[f"validation_{settings.metric}_kept"],
            test=metrics[settings.metric],
            model=gate["model"],
            version=gate["version"],
            decision=gate_decision(gate),
        )

    def _of_rows(self, context: Context) -> "list[Section | TableSection]":
        """What there is to show of single rows, where the task needs no label."""
        exported = self.settings.exported
        if exported is None or self.settings.unlabelled is None:
            return []
        return sections_of_rows(
            context, self.settings.unlabelled, exported, self._trials, self.settings.seed
        )

    def _of_levels(
        self, context: Context, stack: int, levels: Sequence[Outcome]
    ) -> "list[Section | TableSection]":
        """Draw the levels of a stack, each for the run that made it."""
        from pipeline.report.levels import SHOWN_ROWS, level_sections
        from pipeline.report.section import Section
        from pipeline.stages.codes import stored_autoencoder

        tracker, data = context.tracker, context.data_of(stack)
        seed = derive(self.settings.seed, "shown")
        sections = level_sections(
            self.settings.stack,
            [stored_autoencoder(context, level) for level in levels],
            [{name: tracker.history(level.run_id, name) for name in CURVES} for level in levels],
            data.rows[sample(data.splits.validation, SHOWN_ROWS, seed)],
            data.image_shape,
            data.preprocessing,
        )
        for section in sections:
            if isinstance(section, Section):
                assert section.level
                made_by = levels[section.level - 1].run_id
                StageRun(tracker.client, made_by).picture(section.name, section.png)
        return sections

    def _diagnostics(self, context: Context) -> "TrialDiagnostics":
        """Of the arms compared: confusion and calibration at the least label budget, movement."""
        from pipeline.report.page import TrialDiagnostics

        data, trials = context.data, self._trials
        compared = (CANDIDATE, CONTROL)
        arms = [arm for arm in compared if any(trial.arm == arm for trial, _ in trials)]
        least = min(trial.labels for trial, _ in trials)
        confusion: dict[str, np.ndarray] = {}
        sure: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        moved: dict[str, dict[int, list[list[float]]]] = {arm: {} for arm in arms}
        for trial, outcome in trials:
            if trial.arm not in arms:
                continue
            levels = range(1, len(self.settings.stack) + 1)
            distances = [outcome.metrics[f"moved_level_{number}"] for number in levels]
            moved[trial.arm].setdefault(trial.labels, []).append(distances)
            if trial.labels == least:
                predicted, true, confidence = predictions_of(context.tracker, outcome.run_id)
                counts = data.task.confusion(true, predicted, data.classes)
                if confidence is not None:
                    sure.setdefault(trial.arm, []).append((predicted == true, confidence))
                if counts is not None:
                    confusion[trial.arm] = confusion.get(trial.arm, 0) + counts
        means = {
            arm: {
                labels: np.mean(seeds, axis=0).tolist()
                for labels, seeds in sorted(by_budget.items())
            }
            for arm, by_budget in moved.items()
        }
        calibration = {
            arm: reliability(*map(np.concatenate, zip(*seeds, strict=True)))
            for arm, seeds in sure.items()
        }
        return TrialDiagnostics(confusion, calibration, least, means)
