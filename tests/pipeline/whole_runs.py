"""The stages of a run called from plain Python, without Prefect."""

from pathlib import Path
from typing import NamedTuple

from pipeline import stages
from pipeline.config import RunConfig
from pipeline.stages import DataStage, Run, Stage
from pipeline.summary import Summary
from pipeline.trials import TrialSpec


class Called(NamedTuple):
    """What the stages of one run gave, called from plain Python."""

    config: RunConfig
    run: Run
    data: DataStage
    levels: list[Stage]
    trials: list[tuple[TrialSpec, Stage]]


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


def call_stages(config: RunConfig) -> Called:
    """The stages of a run up to fine-tuning, in the order of the flow."""
    run = stages.start_run(config)
    data = stages.data_stage(config, run)
    levels: list[Stage] = []
    for number in range(1, len(config.stack) + 1):
        levels.append(
            stages.pretrain_stage(config, run, number, data, list(levels), lambda _: None)
        )
    trials = [
        (trial, stages.finetune_stage(config, run, trial, data, levels, lambda _: None))
        for trial in data.trials
    ]
    return Called(config, run, data, levels, trials)


def whole_run(config: RunConfig, home: Path) -> Whole:
    called = call_stages(config)
    stages.compare_stage(config, called.run, called.trials)
    stages.export_stage(config, called.run, called.data, called.levels, called.trials)
    return Whole(called, stages.finish_run(config, called.run), home)
