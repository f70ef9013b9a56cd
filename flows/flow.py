"""The Prefect flow: greedy layer-wise pretraining, fine-tuning against random init, export."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from prefect import flow, task
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectFuture, as_completed
from prefect.states import Completed
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner
from prefect.tasks import Task

from flows.duration import TimeLimitText, limit_seconds
from flows.interruption import stoppable, unless_stopped
from flows.naming import run_name
from flows.notices.address import NotifyAddress
from flows.notices.sending import label_run, send_notice
from flows.page.outcome import shown_on_page
from flows.page.page import page_displays
from flows.page.results import show_begin, show_comparison, show_places
from flows.progress import Display, Tally, Watcher
from flows.promotion import one_promotion
from flows.scheduling.supervised import supervised
from flows.shortened import shortened
from flows.skipped import skipped, too_late
from flows.terminal import shown, terminal_display
from pipeline.config.loading import check
from pipeline.config.schema import ExecutionConfig, RunConfig
from pipeline.evaluation.summary import Summary
from pipeline.stages.base import Outcome, Stage, perform
from pipeline.stages.context import (
    Run,
    context_of,
    end_run,
    fail_run,
    finish_run,
    shorten_run,
    start_run,
)
from pipeline.stages.data import prepared
from pipeline.stages.earlier.unchanged import unchanged
from pipeline.stages.forecasting.time_limit import TimeLimit, time_limit_of
from pipeline.stages.plan import Plan, Stacks, data_of, plan_of
from pipeline.stages.pretrain import PretrainLevel
from pipeline.stages.trial import Trial
from pipeline.tracking.faults import transient
from pipeline.training.progress import Progress


def _is_transient(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether trying again may help: a fault of the disk, the network or the store."""
    try:
        state.result()
    except Exception as error:
        return transient(error)
    return False


def _state(outcome: Outcome) -> Any:
    """How a task ends: for a stage that an earlier run did, in a state that says so."""
    if not outcome.cached:
        return outcome
    message = f"Done by MLflow run {outcome.run_id}."
    return Completed(name="Cached", message=message, data=outcome)


def _displays(name: str) -> list[Display]:
    return [terminal_display(name), *page_displays(name)]


RETRIES: dict[str, Any] = {
    "retries": 2,
    "retry_delay_seconds": [1, 10],
    "retry_condition_fn": _is_transient,
    "persist_result": False,
}


@task(name="data", task_run_name="data {config.data.source}", **RETRIES)
def prepare_data(config: RunConfig, run: Run) -> Plan:
    """Read, split and scale the rows, and plan what is trained on them."""
    context = context_of(run)
    data = prepared(context)
    done = perform(data_of(config, data), context)
    splits = [context.data_of(seed) for seed in range(config.splits)]
    plan = plan_of(config, *splits, done=done)
    context.parent.tags({"stages": plan.stages, **plan.tags})
    return plan


@task(name="pretrain", task_run_name="{stage.name}", **RETRIES)
def pretrain(run: Run, stage: PretrainLevel) -> Outcome:
    """Pretrain one level on the codes of the levels below."""
    watcher = Watcher(_displays(f"{stage.name} ({stage.settings.training.units} units)"))

    def watch(progress: Progress) -> None:
        unless_stopped(progress)
        watcher(progress)

    outcome = perform(stage, context_of(run), watch)
    watcher.finish(
        f"explained variance {outcome.metrics['explained_variance']:.3f}"
        + (" (cached)" if outcome.cached else "")
    )
    return _state(outcome)


@task(name="fine-tune", task_run_name="{stage.name}", **RETRIES)
def finetune(run: Run, stage: Stage, latest_start: float | None = None) -> Outcome | None:
    """Train one arm, or fit a reference model, on one label subset, unless it is too late."""
    if latest_start is not None and time.time() > latest_start:
        return too_late()
    return _state(perform(stage, context_of(run), unless_stopped))


@task(name="compare", task_run_name="compare {run.experiment}", **RETRIES)
def compare(run: Run, stage: Stage) -> Outcome:
    """Gain, interval and verdict for each label budget."""
    return _state(perform(stage, context_of(run)))


@task(name="export", task_run_name="export {run.experiment}", **RETRIES)
def export(run: Run, stage: Stage) -> Outcome:
    """Export, verify in a clean process, register."""
    return _state(perform(stage, context_of(run)))


@task(name="gate", task_run_name="gate {run.experiment}", **RETRIES)
def gate(run: Run, stage: Stage) -> Outcome:
    """Decide whether the exported model becomes the champion, one run at a time."""
    with one_promotion():
        return _state(perform(stage, context_of(run)))


@task(name="report", task_run_name="report {run.experiment}", **RETRIES)
def report(run: Run, stage: Stage) -> Outcome:
    """Draw what the run came to, with what the gate decided."""
    return _state(perform(stage, context_of(run)))


def pretrain_all(run: Run, plan: Plan) -> list[list[Outcome]]:
    """All levels: those of a stack one after the other, stacks beside each other.

    As many levels at a time as there are workers, and no more stacks at a time than keep the
    workers busy: their codes lie on disk meanwhile.
    """
    execution, height = plan.config.execution, len(plan.config.stack)
    at_once = execution.workers if execution.runner == "thread" and execution.gpus == 1 else 1
    stacks: list[list[Outcome]] = [[] for _ in range(plan.config.stacks)]
    with stoppable():
        for part in parts_of_at_least(at_once, len(stacks)):
            ready = deque(part)
            under_way: dict[PrefectFuture[Any], int] = {}
            while ready or under_way:
                while ready and len(under_way) < at_once:
                    stack = ready.popleft()
                    level = plan.level(stack, len(stacks[stack]) + 1, stacks[stack])
                    under_way[pretrain.submit(run, level)] = stack
                future = next(as_completed(list(under_way)))
                stack = under_way.pop(future)
                stacks[stack].append(future.result())
                if len(stacks[stack]) < height:
                    ready.append(stack)
    return stacks


def parts_of_at_least(size: int, count: int) -> Iterator[range]:
    """Numbers from 0 up to `count` in parts alike, each of `size` at least where there are any."""
    parts = max(1, count // size)
    for part in range(parts):
        yield range(part * count // parts, (part + 1) * count // parts)


def pretrain_in_time(run: Run, plan: Plan, limit: TimeLimit) -> list[list[Outcome]]:
    """Stack after stack, so that some are whole: as many as the limit has time for."""
    stacks: list[list[Outcome]] = []
    for stack in range(plan.config.stacks):
        levels: list[Outcome] = []
        for number in range(1, len(plan.config.stack) + 1):
            if not limit.allows_level(plan, stack, number):
                return stacks
            levels.append(pretrain(run, plan.level(stack, number, levels)))
        stacks.append(levels)
    return stacks


@flow(name="fine-tune", flow_run_name="fine-tune {run.experiment}", persist_result=False)
def finetune_all(
    run: Run, plan: Plan, stacks: Stacks, limit: TimeLimit
) -> list[tuple[Trial, Outcome]]:
    """All trials on the stacks, as many at a time as the task runner has workers."""
    wanted = plan.trials_on(len(stacks))
    if not wanted:
        return []
    tally = Tally(len(wanted), _displays("fine-tune"))
    futures = [
        finetune.submit(run, plan.trial(trial, stacks), limit.latest_start(trial))
        for trial in wanted
    ]
    trials = []
    with stoppable():
        for trial, future in zip(wanted, futures, strict=True):
            outcome = future.result()
            if outcome is None:  # it was too late
                continue
            trials.append((trial, outcome))
            tally.count(trial.name, outcome.cached)
    tally.finish()
    return trials


# The flow checks the config itself: Prefect's message would not say what was given, nor the cure.
@flow(
    name="layerwise", flow_run_name=run_name, persist_result=False, validate_parameters=False,
    on_completion=[send_notice], on_failure=[send_notice], on_cancellation=[send_notice],
    on_crashed=[send_notice],
)  # fmt: skip
@supervised
@shown_on_page
def pretraining(
    config: RunConfig,
    refresh: bool = False,
    when_changed: bool = False,
    notify: NotifyAddress | None = None,
    time_limit: TimeLimitText | None = None,
) -> Summary | State[Any]:
    """Greedy layer-wise pretraining, fine-tuning against random init, comparison, export, gate.

    Stages that were computed before are taken from MLflow, unless everything is to be refreshed.

    Args:
        config: What is run.
        refresh: Compute every stage, even one that was computed before.
        when_changed: Skip the run where rows and config are those of the experiment's last
            finished run.
        notify: Post how the run ends to this http address, or to the one in the environment
            variable that $NAME names.
        time_limit: Begin nothing that would end later than this after the start (45s, 90m, 1h30m),
            and compare what is there.
    """
    began = time.time()
    config = check(config)
    seconds = limit_seconds(time_limit) if time_limit else None
    if when_changed and (reason := unchanged(config)):
        return skipped(reason)
    run = start_run(config, refresh)
    show_begin(run)
    if notify:
        label_run(run)
    try:
        with shown():
            if config.execution.address:
                from flows.cluster.check import prepare_workers

                prepare_workers(config.execution.address, run.run_id)
            plan = prepare_data(config, run)
            if time_limit and seconds:
                limit = time_limit_of(context_of(run), plan, time_limit, began + seconds)
                stacks = pretrain_in_time(run, plan, limit)
            else:
                limit, stacks = TimeLimit(), pretrain_all(run, plan)
            # A flow of its own, because a task runner belongs to a flow.
            runner = task_runner(config.execution)
            trials = finetune_all.with_options(task_runner=runner)(run, plan, stacks, limit)
            exports = limit.allows_export(plan, trials)
            missing = limit.shortened(plan, len(stacks), trials, exports)
            if missing:
                shorten_run(run, missing)
                if not trials:
                    end_run(run, "KILLED")
                    return shortened(missing)
            compared = compare(run, plan.comparison(trials))
            show_comparison(run)
            decided = None
            if exports:
                exported = export(run, plan.export(stacks, trials))
                decided = gate(run, plan.gate(compared, exported))
            report(run, plan.report(stacks, trials, decided))
    except BaseException as error:
        with suppress(Exception):  # the first error is the one to be shown
            fail_run(run, error)
        raise
    summary = finish_run(run)
    show_places(summary)
    return shortened(missing, summary) if missing else summary


def task_runner(execution: ExecutionConfig) -> TaskRunner[Any]:
    """Prefect's runner of the fine-tuning trials."""
    match execution.runner:
        case "thread":
            return ThreadPoolTaskRunner(max_workers=execution.workers)
        case "process":
            return ProcessPoolTaskRunner(max_workers=execution.workers)
        case "dask":
            from prefect_dask import DaskTaskRunner

            if execution.address:
                return DaskTaskRunner(address=execution.address)
            return DaskTaskRunner(
                cluster_kwargs={"n_workers": execution.workers, "threads_per_worker": 1}
            )
