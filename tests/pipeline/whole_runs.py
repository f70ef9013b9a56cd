"""The stages of a run called from plain Python, without Prefect."""

from pathlib import Path
from typing import NamedTuple

from pipeline.config.schema import RunConfig
from pipeline.evaluation.summary import Summary
from pipeline.stages.base import Outcome, perform
from pipeline.stages.context import Context, Run, context_of, finish_run, start_run
from pipeline.stages.plan import Plan, data_of, plan_of
from pipeline.stages.trial import Trial


class Called(NamedTuple):
    """What the stages of one run gave, called from plain Python."""

    config: RunConfig
    run: Run
    plan: Plan
    stacks: list[list[Outcome]]
    trials: list[tuple[Trial, Outcome]]

    @property
    def context(self) -> Context:
        return context_of(self.run)

    @property
    def levels(self) -> list[Outcome]:
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


def begin(config: RunConfig, refresh: bool = False) -> tuple[Context, Plan]:
    """A run whose data stage is done."""
    context = context_of(start_run(config, refresh))
    done = perform(data_of(config, context.data), context)
    splits = [context.data_of(seed) for seed in range(config.splits)]
    plan = plan_of(config, *splits, done=done)
    context.parent.tags(plan.tags)
    return context, plan


def pretrain_stacks(context: Context, plan: Plan) -> list[list[Outcome]]:
    """Every level of every stack of a run."""
    stacks: list[list[Outcome]] = []
    for stack in range(plan.config.stacks):
        levels: list[Outcome] = []
        for number in range(1, len(plan.config.stack) + 1):
            levels.append(perform(plan.level(stack, number, levels), context))
        stacks.append(levels)
    return stacks


def call_stages(config: RunConfig, refresh: bool = False) -> Called:
    """The stages of a run up to fine-tuning, in the order of the flow."""
    context, plan = begin(config, refresh)
    stacks = pretrain_stacks(context, plan)
    trials = [(trial, perform(plan.trial(trial, stacks), context)) for trial in plan.trials]
    return Called(config, context.run, plan, stacks, trials)


def whole_run(config: RunConfig, home: Path) -> Whole:
    called = call_stages(config)
    plan, context = called.plan, called.context
    compared = perform(plan.comparison(called.trials), context)
    exported = perform(plan.export(called.stacks, called.trials), context)
    gate = perform(plan.gate(compared, exported), context)
    perform(plan.report(called.stacks, called.trials, gate), context)
    return Whole(called, finish_run(called.run), home)
