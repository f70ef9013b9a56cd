"""The stage that draws what a run came to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.config.arms import CANDIDATE, CONTROL
from pipeline.config.part import Part
from pipeline.config.untrained import UntrainedLevel
from pipeline.data.page import data_page
from pipeline.data.rows.sample import sample
from pipeline.seeds import derive
from pipeline.stages.base import Outcome, Stage
from pipeline.stages.context import Context
from pipeline.stages.summary import PAGE_CONTENT, REPORT, read_summary
from pipeline.stages.trial import Trial
from pipeline.tasks.metric import reliability
from pipeline.tracking.artifacts import predictions_of, store_text, stored_json
from pipeline.tracking.runs import StageRun
from pipeline.training.progress import Watch

if TYPE_CHECKING:
    from pipeline.report.page import Section, TrialDiagnostics

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


@dataclass(frozen=True)
class DrawReport(Stage):
    """Draws one HTML file, and keeps each figure with its own stage too.

    Its inputs are the data, the levels of each stack, and the trials.
    """

    kind = "report"
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
        from pipeline.report.page import comparison_sections, report_html

        tracker = context.tracker
        summary = read_summary(tracker, tracker.run(context.run.run_id))
        summary["experiment"] = self.settings.name
        (comparison,) = [
            child
            for child in tracker.children(context.run.run_id)
            if child.tags["stage"] == "compare"
        ]
        of_trials = comparison_sections(summary, self._diagnostics(context))
        for section in of_trials:
            StageRun(tracker.client, comparison.made_by).picture(section.name, section.png)
        height = len(self.settings.stack)
        data, *inputs = self.inputs
        stacks = [inputs[n * height : (n + 1) * height] for n in range(self.settings.stacks)]
        of_levels = [self._of_levels(context, *stack) for stack in enumerate(stacks)]
        page = data_page(stored_json(tracker, data.run_id, PAGE_CONTENT))
        store_text(record, REPORT, report_html(summary, page, (*of_trials, *of_levels[0])))
        return {}

    def _of_levels(
        self, context: Context, stack: int, levels: Sequence[Outcome]
    ) -> "list[Section]":
        """Draw the levels of a stack, each for the run that made it."""
        from pipeline.report.page import SHOWN_ROWS, level_sections
        from pipeline.stages.codes import stored_autoencoder

        tracker, data = context.tracker, context.data_of(stack)
        seed = derive(self.settings.seed, "shown")
        sections = level_sections(
            self.settings.stack,
            [stored_autoencoder(context, level) for level in levels],
            [{name: tracker.history(level.run_id, name) for name in CURVES} for level in levels],
            data.rows[sample(data.splits.validation, SHOWN_ROWS, seed)],
            data.image_shape,
        )
        for section in sections:
            assert section.level
            made_by = levels[section.level - 1].run_id
            StageRun(tracker.client, made_by).picture(section.name, section.png)
        return sections

    def _diagnostics(self, context: Context) -> "TrialDiagnostics":
        """Of the arms compared: confusion and calibration at the least label budget, movement."""
        from pipeline.report.page import TrialDiagnostics

        data = context.data
        done = self.inputs[len(self.inputs) - len(self.settings.trials) :]
        trials = list(zip(self.settings.trials, done, strict=True))
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
            arm: {labels: np.mean(seeds, axis=0).tolist() for labels, seeds in by_budget.items()}
            for arm, by_budget in moved.items()
        }
        calibration = {
            arm: reliability(*map(np.concatenate, zip(*seeds, strict=True)))
            for arm, seeds in sure.items()
        }
        return TrialDiagnostics(confusion, calibration, least, means)
