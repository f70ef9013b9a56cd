"""The stages of a run called from plain Python, without Prefect."""

from pathlib import Path
from typing import NamedTuple

from pipeline.config.schema import RunConfig
from pipeline.evaluation.summary import Summary
from pipeline.stages import all as stages
from pipeline.stages.all import DataStage
from pipeline.stages.base import Stage
from pipeline.stages.run import Run, finish_run, start_run
from pipeline.stages.trials import TrialSpec, levels_of
from pipeline.tracking.store import tracking_uri


class Called(NamedTuple):
    """What the stages of one run gave, called from plain Python."""

    config: RunConfig
    uri: str
    """MLflow's."""
    run: Run
    data: DataStage
    stacks: list[list[Stage]]
    trials: list[tuple[TrialSpec, Stage]]

    @property
    def levels(self) -> list[Stage]:
        """Of the first stack."""
        return self.stacks[0]


class Whole(NamedTuple):
    """A finished run with its export."""

    called: Called
    summary: Summary
    home: Path
    """The working directory it ran in."""

    @property
    def config(self) -> RunConfig:
        return self.called.config

    @property
    def model(self) -> Path:
        """The exported SavedModel."""
        return Path(self.summary["export"]["path"])


def call_stages(config: RunConfig, refresh: bool = False) -> Called:
    """The stages of a run up to fine-tuning, in the order of the flow."""
    run = start_run(config, refresh)
    data = stages.data_stage(config, run)
    stacks: list[list[Stage]] = []
    for specs in levels_of(config):
        levels: list[Stage] = []
        for spec in specs:
            levels.append(
                stages.pretrain_stage(config, run, spec, data, list(levels), lambda _: None)
            )
        stacks.append(levels)
    trials = [
        (trial, stages.finetune_stage(config, run, trial, data, stacks, lambda _: None))
        for trial in data.trials
    ]
    return Called(config, tracking_uri(), run, data, stacks, trials)


def whole_run(config: RunConfig, home: Path) -> Whole:
    called = call_stages(config)
    stages.compare_stage(config, called.run, called.trials)
    stages.export_stage(config, called.run, called.data, called.stacks, called.trials)
    stages.report_stage(config, called.run, called.stacks, called.trials)
    return Whole(called, finish_run(config, called.run), home)
