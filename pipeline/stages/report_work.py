"""The work of the report's stage: what matplotlib is needed for."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.config.schema import RunConfig
from pipeline.data.prepared import Prepared
from pipeline.evaluation.compare import CANDIDATE, CONTROL
from pipeline.report.page import (
    SHOWN_ROWS,
    LeftBehind,
    Section,
    comparison_sections,
    level_sections,
    report_html,
)
from pipeline.stages.base import Stage
from pipeline.stages.run import Run, prepared_of, tracker_of
from pipeline.stages.summary import REPORT, read_summary
from pipeline.stages.trials import TrialSpec
from pipeline.stages.work import stored_autoencoder
from pipeline.tracking.artifacts import predictions_of
from pipeline.tracking.runs import StageRun
from pipeline.tracking.tracker import Tracker

CURVES = ("loss", "explained_variance", "active_fraction", "dead_fraction")


def draw_report(
    config: RunConfig,
    run: Run,
    stacks: Sequence[Sequence[Stage]],
    trials: Sequence[tuple[TrialSpec, Stage]],
    stage: StageRun,
) -> None:
    """Draw the report and store it, and each figure with the stage that it is about."""
    tracker = tracker_of(config)
    prepared = prepared_of(config, run)
    summary = read_summary(tracker, tracker.run(run.run_id))
    (comparison,) = [c for c in tracker.children(run.run_id) if c.tags["stage"] == "compare"]
    about_trials = comparison_sections(summary, _left_behind(config, tracker, prepared, trials))
    for section in about_trials:
        StageRun(tracker.client, comparison.made_by).picture(section.name, section.png)
    about_levels = [_about_levels(config, run, prepared, levels) for levels in stacks]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, REPORT)
        file.write_text(report_html(summary, (*about_trials, *about_levels[0])), "utf-8")
        stage.artifact(file)


def _about_levels(
    config: RunConfig, run: Run, prepared: Prepared, levels: Sequence[Stage]
) -> list[Section]:
    """Draw the levels of a stack, each for the run that made it."""
    tracker = tracker_of(config)
    sections = level_sections(
        config.stack,
        [stored_autoencoder(config.name, level.run_id) for level in levels],
        [{name: tracker.history(level.run_id, name) for name in CURVES} for level in levels],
        prepared.rows[prepared.splits.validation[:SHOWN_ROWS]],
        prepared.image_shape,
    )
    for section in sections:
        assert section.level
        made_by = levels[section.level - 1].run_id
        StageRun(tracker.client, made_by).picture(section.name, section.png)
    return sections


def _left_behind(
    config: RunConfig,
    tracker: Tracker,
    prepared: Prepared,
    trials: Sequence[tuple[TrialSpec, Stage]],
) -> LeftBehind:
    """Confusion at the least label budget, and how far weights moved, of the arms compared."""
    arms: list[str] = [arm for arm in (CANDIDATE, CONTROL) if arm in config.finetune.arms]
    least = min(trial.labels for trial, _ in trials)
    classes = len(prepared.classes) if prepared.task == "classification" else 0
    confusion = {arm: np.zeros((classes, classes), int) for arm in arms if classes}
    moved: dict[str, dict[int, list[list[float]]]] = {arm: {} for arm in arms}
    for trial, stage in trials:
        if trial.arm not in arms:
            continue
        distances = [stage.metrics[f"moved_level_{n}"] for n in range(1, len(config.stack) + 1)]
        moved[trial.arm].setdefault(trial.labels, []).append(distances)
        if classes and trial.labels == least:
            predicted, true = predictions_of(tracker, stage.run_id)
            np.add.at(confusion[trial.arm], (true, predicted), 1)
    means = {
        arm: {labels: np.mean(seeds, axis=0).tolist() for labels, seeds in by_budget.items()}
        for arm, by_budget in moved.items()
    }
    return LeftBehind(confusion, least, means)
