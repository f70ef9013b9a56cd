"""Which stages a run has, in which order, and which part of the config each is handed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from pipeline.config.arms import ARMS
from pipeline.config.level import LevelConfig
from pipeline.config.schema import RunConfig
from pipeline.config.task import Decided, UnlabelledTask, WithoutLabels
from pipeline.config.untrained import untrained
from pipeline.data.coloured import check_coloured_by
from pipeline.data.prepared import Prepared, splits_ahead
from pipeline.data.rows.streamed import exceeds
from pipeline.data.trials import (
    check_images,
    check_task,
    compared_by,
)
from pipeline.evaluation.metrics import merit
from pipeline.evaluation.resplit import Resplit
from pipeline.files import check_writable
from pipeline.stages.base import Outcome, Stage
from pipeline.stages.compare import CompareArms, Comparing
from pipeline.stages.data import DataStage, data_stage
from pipeline.stages.deep import DeepTrial, FitDeepReference, FittingDeep, TrainingDeep
from pipeline.stages.earlier.warm_start import WarmStart, warm_start
from pipeline.stages.export import ExportBest, Exporting
from pipeline.stages.finetune import FinetuneTrial
from pipeline.stages.gate import Gating, PassGate
from pipeline.stages.plan_notes import plan_notes
from pipeline.stages.pretrain import Level, PretrainLevel
from pipeline.stages.reference import FitReference, Fitting
from pipeline.stages.report import DrawReport, Reporting
from pipeline.stages.trial import Trial
from pipeline.stages.trials import trials_of
from pipeline.training.finetuning.settings import finetuning_of

Stacks = Sequence[Sequence[Outcome]]
"""Of each stack the outcome of each level, from the rows upward."""


class Read(NamedTuple):
    """What a stack reads."""

    digest: str
    rows: int
    features: int


@dataclass(frozen=True)
class Plan:
    """The stages of a run whose data are known. Each is made when what it stands on is done."""

    config: RunConfig
    data: Outcome
    """Of the data stage."""
    task: Decided
    """What the stack is for."""
    read: tuple[Read, ...]
    """By each stack, or by all alike."""
    resplit: Resplit | None
    """Of which sizes splits are, where each seed has its own."""
    outputs: int
    """Of the network."""
    metric: str
    trials: tuple[Trial, ...]
    start: WarmStart
    """What the levels start from."""
    notes: tuple[str, ...]
    """For people: how many labels of a rare class the label budgets have."""

    @property
    def stages(self) -> int:
        """How many there are: the data, levels, trials, comparison, export, gate and report."""
        levels = self.config.stacks * len(self.config.stack)
        return 1 + levels + len(self.trials) + 4

    @property
    def tags(self) -> dict[str, str]:
        """Of the run in MLflow."""
        return {"plan_notes": json.dumps(self.notes), **self.start.tags}

    def level(self, stack: int, number: int, below: Sequence[Outcome]) -> PretrainLevel:
        """The stage that pretrains a level (from 1) of a stack (from 0)."""
        config = self.config
        levels = config.stack[: number - 1]
        read = self.read_by(stack)
        width = levels[-1].units if levels else read.features
        settings = Level(
            number=number,
            stack=stack,
            seed=config.seed,
            training=config.stack[number - 1].training(),
            passed_on=tuple(level.passes_on for level in levels),
            gpus=config.execution.gpus,
            memory=_memory_if_streamed(config, read.rows, width),
            rows_read=read.digest,
        )
        return PretrainLevel(settings, (*below, *self.start.of_level(stack, number)))

    def trial(self, trial: Trial, stacks: Stacks) -> Stage:
        """The stage that trains an arm, or fits a reference model, on a label subset."""
        if self._unlabelled:
            return self._without_labels(self._unlabelled, trial, stacks)
        if trial.arm not in ARMS:
            fitting = Fitting(
                model=trial.arm,
                labels=trial.labels,
                trial_seed=trial.seed,
                seed=self.config.seed,
                metric=self.metric,
                class_weights=self.config.finetune.class_weights,
            )
            return FitReference(fitting, (self.data,))
        stack = self._starts_from(trial)
        read = self.read_by(self.stack_of(trial))
        settings = finetuning_of(
            self.config,
            ARMS[trial.arm],
            trial.labels,
            trial.seed,
            self.metric,
            (read.rows, read.features),
            self.outputs,
        )
        return FinetuneTrial(settings, (self.data, *self._levels(stack, trial, stacks)), stack)

    def _without_labels(self, task: WithoutLabels, trial: Trial, stacks: Stacks) -> Stage:
        """The same, of a trial that learns from no label."""
        given = {
            "arm": trial.arm,
            "trial_seed": trial.seed,
            "seed": self.config.seed,
            "labels": trial.labels,
            "metric": self.metric,
            "task": task.of_training,
        }
        if trial.arm not in ARMS:
            return FitDeepReference(FittingDeep(**given), (self.data,))
        stack = self._starts_from(trial)
        settings = TrainingDeep(
            **given,
            network=untrained(self._levels_of(trial.arm), decoder=True),
            trains=ARMS[trial.arm].trains == "network",
        )
        return DeepTrial(settings, (self.data, *self._levels(stack, trial, stacks)), stack)

    @property
    def _unlabelled(self) -> WithoutLabels | None:
        """The task's section, where it asks for no label."""
        return self.task if isinstance(self.task, UnlabelledTask) else None

    def _levels_of(self, arm: str) -> tuple[LevelConfig, ...]:
        """The levels of an arm's stack."""
        return self.config.stack[: ARMS[arm].levels]

    def _levels(self, stack: int | None, trial: Trial, stacks: Stacks) -> tuple[Outcome, ...]:
        """The pretrained levels that a trial starts from, if it starts from any."""
        return () if stack is None else tuple(stacks[stack][: ARMS[trial.arm].levels])

    def trials_on(self, stacks: int) -> list[Trial]:
        """The trials whose seeds start from the first so many stacks."""
        return [trial for trial in self.trials if self.stack_of(trial) < stacks]

    def comparison(self, trials: Sequence[tuple[Trial, Outcome]]) -> CompareArms:
        """The stage that compares the arms, in those trials that there are."""
        done = {trial for trial, _ in trials}
        settings = Comparing(
            trials=tuple(trial for trial, _ in trials),
            missing=tuple(trial for trial in self.trials if trial not in done),
            stacks=tuple(self._starts_from(trial) for trial, _ in trials),
            metric=self.metric,
            resplit=self.resplit,
        )
        return CompareArms(settings, tuple(done for _, done in trials))

    def export(self, stacks: Stacks, trials: Sequence[tuple[Trial, Outcome]]) -> ExportBest:
        """The stage that exports the best network, at the largest label budget.

        Its arm is the one that the config names, or is best on validation rows on average over the
        seeds (of equal ones the first configured); its seed is the best there.
        """
        most = max(trial.labels for trial, _ in trials)
        by_arm: dict[str, list[tuple[float, Trial, Outcome]]] = {}
        for trial, done in trials:
            if trial.labels == most and trial.arm in self.exportable:
                score = merit(self.metric, done.metrics[f"validation_{self.metric}_kept"])
                by_arm.setdefault(trial.arm, []).append((score, trial, done))
        arm = max(
            (arm for arm in self.exportable if arm in by_arm),
            key=lambda arm: fmean(score for score, *_ in by_arm[arm]),
        )
        _, trial, best = max(by_arm[arm], key=lambda found: found[0])
        settings = Exporting(
            name=self.config.name,
            stack=untrained(self._levels_of(arm), decoder=True),
            unlabelled=self._unlabelled,
        )
        inputs = (self.data, best, *stacks[self.stack_of(trial)][: ARMS[arm].levels])
        return ExportBest(settings, inputs, trial, self.config.export)

    @property
    def exportable(self) -> tuple[str, ...]:
        """The arms of which one is exported."""
        arm = self.config.export.arm
        return self.config.finetune.arms if arm == "best" else (arm,)

    def gate(self, comparison: Outcome, export: Outcome) -> PassGate:
        """The stage that decides whether the exported model becomes the champion."""
        settings = Gating(
            name=self.config.name,
            labels=max(trial.labels for trial in self.trials if trial.arm in self.exportable),
            metric=self.metric,
            seed=self.config.seed,
            gate=self.config.gate,
        )
        return PassGate(settings, (comparison, export))

    def report(
        self, stacks: Stacks, trials: Sequence[tuple[Trial, Outcome]], gate: Outcome | None
    ) -> DrawReport:
        """The stage that draws the report. Of several stacks it shows the first.

        There is no gate where there is no time to export.
        """
        settings = Reporting(
            name=self.config.name,
            seed=self.config.seed,
            trials=tuple(trial for trial, _ in trials),
            stack=untrained(self.config.stack, decoder=True),
            stacks=len(stacks),
            exported=self.export(stacks, trials).trial if gate else None,
            metric=self.metric,
            unlabelled=self._unlabelled,
        )
        levels = tuple(level for stack in stacks for level in stack)
        decided = (gate,) if gate else ()
        return DrawReport(settings, (self.data, *levels, *decided, *(done for _, done in trials)))

    def read_by(self, stack: int) -> Read:
        """What a stack reads."""
        return self.read[stack % len(self.read)]

    def stack_of(self, trial: Trial) -> int:
        """The stack that a trial starts from: seeds use them in turn."""
        return trial.seed % self.config.stacks

    def _starts_from(self, trial: Trial) -> int | None:
        """The same, of an arm that starts from one."""
        arm = ARMS.get(trial.arm)
        return self.stack_of(trial) if arm and arm.weights == "stack" else None


def check_data(config: RunConfig) -> Plan:
    """Prepare the data, which need not be read again by a run in this process, and plan the run.

    Raises `InputError` for data or label budgets that cannot be used.
    """
    with splits_ahead(config.data, config.task, config.seed, config.splits) as splits:
        return plan_of(config, *splits)


def data_of(config: RunConfig, data: Prepared) -> DataStage:
    """The data stage of a run."""
    return data_stage(config.data, config.seed, data)


def plan_of(config: RunConfig, *splits: Prepared, done: Outcome | None = None) -> Plan:
    """The plan of a run whose data stage is `done`, or will be.

    The data are given once, or as often as the config has them split.

    Raises `InputError` where the data do not allow what is configured, or no model could be stored.
    """
    data, *_ = splits
    check_writable(Path(config.export.directory), "Models go there: set export.directory.")
    check_task(config.finetune, data)
    check_images(config.finetune, data.image_shape)
    check_coloured_by(data)
    data_done = done or Outcome("", data_of(config, data).key, {}, False)
    trials = trials_of(config, splits)
    return Plan(
        config=config,
        data=data_done,
        task=data.task.section,
        read=tuple(
            Read(split.rows_read, len(split.splits.pretrain), split.rows.shape[1])
            for split in splits
        ),
        resplit=_sizes(data) if config.data.resplit else None,
        outputs=max(len(data.classes), 1),
        metric=compared_by(config.finetune, data).name,
        trials=trials,
        start=warm_start(config, data, data_done.key),
        notes=plan_notes(config, data, sorted({trial.labels for trial in trials})),
    )


def _sizes(data: Prepared) -> Resplit:
    test, train, validation = (
        len(part) for part in (data.splits.test, data.splits.train, data.splits.validation)
    )
    return Resplit(test, train, test + train + validation)


def _memory_if_streamed(config: RunConfig, rows: int, columns: int) -> int | None:
    """How many bytes rows may take, where they exceed it: then their order depends on it."""
    memory = config.data.memory_bytes
    return memory if exceeds(rows, columns, memory) else None
