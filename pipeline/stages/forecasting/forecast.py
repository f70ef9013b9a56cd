"""What a run would compute, what is cached, how long it will take and how much it will store."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

from pipeline.config.arms import ARMS
from pipeline.config.finetune import NetworkTraining
from pipeline.config.level import LevelTraining
from pipeline.config.schema import RunConfig
from pipeline.data.prepared import Prepared, forget_prepared, splits_ahead
from pipeline.data.trial_rows import Parts, trial_rows
from pipeline.stages.base import Outcome, Stage
from pipeline.stages.context import import_what_computes
from pipeline.stages.deep import FittingDeep
from pipeline.stages.plan import Plan, data_of, plan_of
from pipeline.stages.reference import Fitting
from pipeline.tracking.find import latest_seconds
from pipeline.tracking.runs import FinishedRun
from pipeline.tracking.store import database_file, open_store, tracking_uri
from pipeline.tracking.tracker import Tracker
from pipeline.training.finetuning.settings import Finetuning

STORING = 0.15
"""Seconds of a stage beside training: MLflow's run, and storing what it made."""
START = 8.0
"""Seconds of imports, Prefect's server and MLflow's runs, where nothing is computed."""
USUAL = {"data": 0.5, "compare": 1.0, "export": 10.0, "gate": 3.0, "report": 8.0}
"""Seconds, where no earlier run says how many."""
KNOWN, MEASURED = (0.7, 1.5), (0.5, 2.0)
"""What the true time may be, as multiples: where a run took it before, and where steps were timed.
Checked against real runs by the slow tests."""
FLOAT = 4
"""Bytes of a weight."""
MODEL_FILE = 30_000
"""Bytes of a stored model beside its weights."""
EXPORTED = 2
"""Copies of an export: the folder, and the registered model."""


class Entry(NamedTuple):
    """Some stages that are alike: a level of all stacks, or an arm at a budget with all seeds."""

    name: str
    stages: int
    cached: int
    low: float
    """Seconds at least."""
    high: float
    source: str
    """Where the seconds come from: `cached`, `earlier run`, `timed steps` or `usual`."""


class Forecast(NamedTuple):
    """All of a run."""

    entries: list[Entry]
    low: float
    high: float
    stored: int
    """Bytes that stay: weights and exports."""
    scratch: int
    """Bytes that are needed meanwhile: prepared rows and codes."""


@dataclass
class _Group:
    name: str
    kind: str
    stages: list[Stage]
    """Of an export before its trials none: nobody knows yet which network is the best."""
    count: int = 1
    measure: Callable[[], float] | None = None
    """Seconds of one of them, timed; asked only where no earlier run says how many."""


def forecast(config: RunConfig, refresh: bool) -> Forecast:
    """What a run of this config would do. Reads the data; stores nothing.

    Raises `InputError` for data that cannot be used.
    """
    with splits_ahead(config.data, config.task, config.seed, config.splits) as splits:
        data, plan = splits[0], plan_of(config, *splits)
        tracker = _reading_tracker()
        known = _Known(tracker, refresh)
        entries = [_entry(group, known) for group in _groups(config, data, plan, known)]
        stored, scratch = _bytes(config, data, plan, entries)
    forget_prepared(config.data, config.task, config.seed, config.splits)
    computed = sum(entry.stages - entry.cached for entry in entries)
    start = START if computed else START / 2
    low, high = sum(entry.low for entry in entries), sum(entry.high for entry in entries)
    return Forecast(entries, low + start * 0.5, high + start * 2, stored, scratch)


def longest_seconds(
    plan: Plan, data: Prepared, tracker: Tracker, refresh: bool
) -> dict[str, float]:
    """Of a run whose data are known how long each stage takes at most, without cached ones.

    By the stage's name; the export is `export`.
    """
    known = _Known(tracker, refresh)
    found: dict[str, float] = {}
    for group in _groups(plan.config, data, plan, known):
        entry = _entry(group, known)
        names = [stage.name for stage in group.stages if not known.cached(stage)]
        if not group.stages:
            names = [group.kind]
        found |= {name: entry.high / len(names) for name in names}
    return found


def _reading_tracker() -> Tracker | None:
    """A tracker to find finished stages with, of any experiment; None where there is no store."""
    file = database_file(tracking_uri())
    if file and not file.exists():
        return None
    experiments = open_store().search_experiments()
    return Tracker(tracking_uri(), experiments[0].name) if experiments else None


class _Known:
    """What the store knows of stages: which are done, and how long one took."""

    def __init__(self, tracker: Tracker | None, refresh: bool):
        self._tracker = tracker
        self._refresh = refresh
        self._finished: dict[str, FinishedRun | None] = {}

    def finished(self, stage: Stage) -> FinishedRun | None:
        if self._tracker and (key := stage.key) not in self._finished:
            self._finished[key] = self._tracker.finished(key)
        return self._finished.get(stage.key)

    def cached(self, stage: Stage) -> bool:
        return not self._refresh and self.finished(stage) is not None

    def seconds(self, group: _Group) -> float | None:
        """The median of those of these stages that runs did, else of the last of its kind."""
        if done := [found for stage in group.stages if (found := self.finished(stage))]:
            return median(found.metrics["seconds"] for found in done)
        if not group.measure and self._tracker:
            return latest_seconds(self._tracker.client, group.kind)
        return None


def _entry(group: _Group, known: _Known) -> Entry:
    cached = sum(known.cached(stage) for stage in group.stages)
    left = group.count - cached
    if not left:
        return Entry(group.name, group.count, cached, 0, 0, "cached")
    seconds, source, (low, high) = known.seconds(group), "earlier run", KNOWN
    if seconds is None:
        measured, (low, high) = group.measure, MEASURED
        source = "timed steps" if measured else "usual"
        seconds = STORING + measured() if measured else USUAL[group.kind]
    low, high = low * left * seconds, high * left * seconds
    return Entry(group.name, group.count, cached, low, high, source)


def _groups(config: RunConfig, data: Prepared, plan: Plan, known: _Known) -> Iterator[_Group]:
    yield _Group("data", "data", [data_of(config, data)])
    stacks: list[list[Outcome]] = [[] for _ in range(config.stacks)]
    for number, level in enumerate(config.stack, 1):
        levels: list[Stage] = []
        for stack, below in enumerate(stacks):
            levels.append(plan.level(stack, number, below))
            below.append(_outcome(levels[-1]))
        width = config.stack[number - 2].units if number > 1 else plan.read[0].features
        measure = partial(_level_seconds, level.training(), width, plan.read[0].rows)
        name = f"pretrain level {number} ({level.units} units)"
        yield _Group(name, "pretrain", levels, len(levels), measure)
    done = [(trial, plan.trial(trial, stacks)) for trial in plan.trials]
    alike: dict[tuple[str, int], list[Stage]] = {}
    for trial, stage in done:
        alike.setdefault((trial.arm, trial.labels), []).append(stage)
    timed = _TimedTrials(data, plan)
    for (arm, labels), trials in alike.items():
        name = f"fine-tune {arm}, {labels} labels" if labels else f"train {arm}"
        measure = partial(timed.seconds, trials[0])
        yield _Group(name, "finetune", trials, len(trials), measure)
    outcomes = [(trial, _outcome(stage)) for trial, stage in done]
    yield _Group("compare", "compare", [plan.comparison(outcomes)])
    found = [(trial, known.finished(stage)) for trial, stage in done]
    scored = [(trial, _finished(run)) for trial, run in found if run]
    exported: list[Stage] = [plan.export(stacks, scored)] if len(scored) == len(done) else []
    yield _Group("export" if exported else "export of the best trial", "export", exported)
    compared = _outcome(plan.comparison(outcomes))
    gate: list[Stage] = [plan.gate(compared, _outcome(made)) for made in exported]
    yield _Group("gate", "gate", gate)
    # It names the network that is exported and what the gate decided: it waits for the trials too.
    report: list[Stage] = [plan.report(stacks, scored, _outcome(made)) for made in gate]
    yield _Group("report", "report", report)


def _outcome(stage: Stage) -> Outcome:
    return Outcome("", stage.key, {}, False)


def _finished(run: FinishedRun) -> Outcome:
    return Outcome(run.run_id, run.tags["key"], run.metrics, True)


def _level_seconds(level: LevelTraining, width: int, rows: int) -> float:
    import_what_computes()
    from pipeline.training.timing import level_seconds, level_speed

    return level_seconds(level, level_speed(level, width, rows), rows)


class _TimedTrials:
    """Seconds of trials from steps that are timed once for each network and way of training it."""

    def __init__(self, data: Prepared, plan: Plan):
        self._data = data
        self._plan = plan
        self._labels = min((trial.labels for trial in plan.trials), default=0)
        self._speeds: dict[Any, Any] = {}

    def seconds(self, stage: Stage) -> float:
        """How long this trial takes."""
        import_what_computes()
        from pipeline.training.timing import trial_speed, trial_steps

        settings = stage.settings
        if isinstance(settings, Fitting):
            return self._fitting(settings)
        if isinstance(settings, FittingDeep):
            return self._together(settings)
        assert isinstance(settings, Finetuning)
        training = settings.training
        shape = (training, settings.network)
        if shape not in self._speeds:
            parts = self._parts(isinstance(training, NetworkTraining) and _reads_all(training))
            outputs, task = self._plan.outputs, self._data.task
            self._speeds[shape] = trial_speed(training, settings.network, outputs, task, parts)
        speed = self._speeds[shape]
        steps = trial_steps(training, settings.labels, settings.more_steps)
        return speed.begin + speed.step * steps

    def _together(self, settings: FittingDeep) -> float:
        """Of levels that are trained together: as if one by one, for as many steps.

        Reference models, some of which are fitted several times, are taken to need no more.
        """
        arm = ARMS.get(settings.arm)
        stack = self._plan.config.stack[: arm.levels if arm else None]
        if (levels := len(stack)) not in self._speeds:
            joint = settings.task.joint.model_dump(include={"epochs", "min_steps", "batch_size"})
            read = self._plan.read[0]
            widths = [read.features, *(level.units for level in stack)]
            self._speeds[levels] = sum(
                _level_seconds(level.training().model_copy(update=joint), width, read.rows)
                for level, width in zip(stack, widths, strict=False)
            )
        seconds: float = self._speeds[levels]
        return seconds

    def _parts(self, all_unlabelled: bool) -> Parts:
        return trial_rows(self._data, self._labels, 0, all_unlabelled)

    def _fitting(self, settings: Fitting) -> float:
        """Of a reference model: its time on the fewest labels, in proportion to the labels."""
        from pipeline.evaluation.references import fit_reference

        if settings.model not in self._speeds:
            began = time.perf_counter()
            fit_reference(settings.model, self._parts(False), self._data.task, 0)
            self._speeds[settings.model] = time.perf_counter() - began
        seconds: float = self._speeds[settings.model] * settings.labels / self._labels
        return seconds


def _reads_all(training: NetworkTraining) -> bool:
    return training.pseudo_labels > 0 or training.reconstruction > 0


def _bytes(config: RunConfig, data: Prepared, plan: Plan, entries: list[Entry]) -> tuple[int, int]:
    """What is stored for good, by weights and predictions, and what lies in scratch meanwhile."""
    features = plan.read[0].features
    widths = [features, *(level.units for level in config.stack)]
    encoders = sum(below * units + units for below, units in pairwise(widths))
    network = encoders + widths[-1] * plan.outputs
    predictions = 3 * FLOAT * len(data.splits.test)
    exports = EXPORTED * (FLOAT * (network + 2 * encoders) + MODEL_FILE)
    (export,) = [entry for entry in entries if entry.name.startswith("export")]
    stored = exports if export.cached < export.stages else 0
    for entry in entries:
        left = entry.stages - entry.cached
        if entry.name.startswith("pretrain level"):
            number = int(entry.name.split()[2])
            below, units = widths[number - 1], widths[number]
            stored += left * (FLOAT * (2 * below * units + below + units) + MODEL_FILE)
        elif entry.name.startswith("fine-tune"):
            arm = entry.name.split()[1].rstrip(",")
            weights = FLOAT * network + MODEL_FILE if arm in ARMS else 0
            stored += left * (predictions + weights)
    rows = len(data.splits.pretrain) + len(data.splits.pretrain_validation)
    codes = rows * sum(sorted(widths[1:-1], reverse=True)[:2])
    return stored, FLOAT * (len(plan.read) * len(data.rows) * features + codes)
