"""What a report shows of single rows, where a task needs no label."""

import re
from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from pipeline.config.task import AnomalyTask, DenoiseTask, EmbedTask, WithoutLabels
from pipeline.seeds import derive, trial_seeds
from pipeline.stages.base import Outcome
from pipeline.stages.context import Context
from pipeline.stages.trial import Trial

if TYPE_CHECKING:
    from pipeline.report.section import Section, TableSection

Trials = Sequence[tuple[Trial, Outcome]]


def sections_of_rows(
    context: Context, task: WithoutLabels, exported: Trial, trials: Trials, seed: int
) -> "list[Section | TableSection]":
    """Of the exported model: the most unusual test rows, rows without noise, or rows in two
    dimensions.
    """
    match task:
        case AnomalyTask():
            return _unusual(context, task, exported, trials)
        case DenoiseTask():
            return [_restored(context, exported, trials, seed)]
    return _embedded(context, task, exported, trials, seed)


def _unusual(
    context: Context, task: AnomalyTask, exported: Trial, trials: Trials
) -> "list[Section | TableSection]":
    from layers.detection import batched
    from pipeline.data.features.operations import NUMPY
    from pipeline.data.rows.streamed import at
    from pipeline.report.unusual_rows import alarms, unusual_images, unusual_rows
    from pipeline.tracking.models import NETWORK, stored_model

    data = context.data_of(exported.seed)
    detector = stored_model(context.tracker, dict(trials)[exported].run_id, NETWORK)
    test = data.splits.test
    outputs = batched(detector, at(data.rows, test))
    preprocessing = data.preprocessing
    names = preprocessing.ordered_names
    anomalies = data.targets[test] == 1
    tables = [
        unusual_rows(outputs, test, anomalies, names),
        alarms(outputs, anomalies, task.false_alarms),
    ]
    if data.image_shape is None:
        return [*tables]
    originals = preprocessing.originals(at(data.rows, test)[:], NUMPY)
    return [unusual_images(outputs, originals, data.image_shape), *tables]


def _restored(context: Context, exported: Trial, trials: Trials, seed: int) -> "Section":
    from layers.detection import batched
    from pipeline.data.denoising_rows import denoising_rows
    from pipeline.report.restored_rows import restored_rows
    from pipeline.tracking.models import NETWORK, stored_model

    data = context.data_of(exported.seed)
    model = stored_model(context.tracker, dict(trials)[exported].run_id, NETWORK)
    test = denoising_rows(data, trial_seeds(seed, exported.seed).subset).test
    given = batched(model, test.noisy)
    return restored_rows(test.noisy, given, test.clean.rows, data.image_shape)


def _embedded(
    context: Context, task: EmbedTask, exported: Trial, trials: Trials, seed: int
) -> "list[Section | TableSection]":
    from layers.detection import batched
    from pipeline.data.coloured import by_class, by_column
    from pipeline.data.embedding_rows import embedding_rows
    from pipeline.report.embedded_rows import by_dimensions, picture
    from pipeline.tracking.models import NETWORK, stored_model

    data = context.data_of(exported.seed)
    model = stored_model(context.tracker, dict(trials)[exported].run_id, NETWORK)
    test = embedding_rows(data, trial_seeds(seed, exported.seed).subset).test
    # Of few rows any would do; of many, those of one class may lie side by side.
    order = np.random.default_rng(derive(seed, "shown")).permutation(len(test.rows))
    rows = test.rows[order]
    if task.coloured_by:
        colours = by_column(rows, data.preprocessing, task.coloured_by)
    else:
        colours = by_class(test.targets[order], data.classes)
    sections: list[Section | TableSection] = [
        picture(batched(model, rows), colours, derive(seed, "picture"))
    ]
    for metric in ("explained_variance", "neighbour_accuracy"):
        if scores := _by_dimensions(trials, metric):
            sections.append(by_dimensions(scores, metric))
    return sections


def _by_dimensions(trials: Trials, metric: str) -> dict[str, dict[int, float]]:
    """Of each model that has several numbers of dimensions, the mean over its seeds."""
    found: dict[str, dict[int, list[float]]] = {}
    for trial, done in trials:
        for name, score in done.metrics.items():
            if named := re.fullmatch(rf"{metric}_(\d+)", name):
                found.setdefault(trial.arm, {}).setdefault(int(named[1]), []).append(score)
    return {
        model: {number: fmean(scores) for number, scores in by_number.items()}
        for model, by_number in found.items()
    }
