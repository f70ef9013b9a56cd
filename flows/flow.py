"""The Prefect flow: greedy layer-wise pretraining, fine-tuning against random init, export."""

from contextlib import suppress
from typing import Any

from prefect import flow, task
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner
from prefect.tasks import Task

from flows.interruption import stoppable, unless_stopped
from flows.terminal import Tally, shown, watcher
from pipeline.config.schema import ExecutionConfig, RunConfig
from pipeline.evaluation.summary import Summary
from pipeline.stages import all as stages
from pipeline.stages.all import DataStage
from pipeline.stages.base import Stage
from pipeline.stages.run import Run, fail_run, finish_run, start_run
from pipeline.stages.trials import LevelSpec, TrialSpec, levels_of
from pipeline.tracking.faults import transient


def _is_transient(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether trying again may help: a fault of the disk, the network or the store."""
    try:
        state.result()
    except Exception as error:
        return transient(error)
    return False


def _told(stage: Stage) -> Any:
    """The outcome of a task: for a stage that an earlier run did, a state that says so."""
    if not stage.cached:
        return stage
    return Completed(name="Cached", message=f"Done by MLflow run {stage.run_id}.", data=stage)


RETRIES: dict[str, Any] = {
    "retries": 2,
    "retry_delay_seconds": [1, 10],
    "retry_condition_fn": _is_transient,
    "persist_result": False,
}


@task(name="data", task_run_name="data {config.data.source}", **RETRIES)
def prepare_data(config: RunConfig, run: Run) -> DataStage:
    """Read, split and scale the rows."""
    return stages.data_stage(config, run)


@task(name="pretrain", task_run_name="{spec.name}", **RETRIES)
def pretrain(
    config: RunConfig, run: Run, spec: LevelSpec, data: DataStage, below: list[Stage]
) -> Stage:
    """Pretrain one level on the codes of the levels below."""
    level = config.stack[spec.number - 1]
    watch = watcher(f"{spec.name} ({level.units} units)")
    stage = stages.pretrain_stage(config, run, spec, data, below, watch)
    watch.finish(
        f"explained variance {stage.metrics['explained_variance']:.3f}"
        + (" (cached)" if stage.cached else "")
    )
    return _told(stage)


@task(name="fine-tune", task_run_name="{trial.name}", **RETRIES)
def finetune(
    config: RunConfig, run: Run, trial: TrialSpec, data: DataStage, stacks: list[list[Stage]]
) -> Stage:
    """Fine-tune one arm on one label subset."""
    return _told(stages.finetune_stage(config, run, trial, data, stacks, unless_stopped))


@task(name="compare", task_run_name="compare {config.name}", **RETRIES)
def compare(config: RunConfig, run: Run, trials: list[tuple[TrialSpec, Stage]]) -> Stage:
    """Gain, interval and verdict for each label budget."""
    return _told(stages.compare_stage(config, run, trials))


@task(name="export", task_run_name="export {config.name}", **RETRIES)
def export(
    config: RunConfig,
    run: Run,
    data: DataStage,
    stacks: list[list[Stage]],
    trials: list[tuple[TrialSpec, Stage]],
) -> Stage:
    """Export, prove in a clean process, register."""
    return _told(stages.export_stage(config, run, data, stacks, trials))


@task(name="report", task_run_name="report {config.name}", **RETRIES)
def report(
    config: RunConfig, run: Run, stacks: list[list[Stage]], trials: list[tuple[TrialSpec, Stage]]
) -> Stage:
    """Draw what the run came to."""
    return _told(stages.report_stage(config, run, stacks, trials))


@flow(name="fine-tune", flow_run_name="fine-tune {config.name}", persist_result=False)
def finetune_all(
    config: RunConfig, run: Run, data: DataStage, stacks: list[list[Stage]]
) -> list[tuple[TrialSpec, Stage]]:
    """All trials, as many at a time as the task runner has workers."""
    tally = Tally(len(data.trials))
    futures = [finetune.submit(config, run, trial, data, stacks) for trial in data.trials]
    trials = []
    with stoppable():
        for trial, future in zip(data.trials, futures, strict=True):
            stage = future.result()
            trials.append((trial, stage))
            tally.count(trial.name)
    tally.finish()
    return trials


@flow(name="layerwise", flow_run_name="{config.name}", persist_result=False)
def pretraining(config: RunConfig, refresh: bool = False) -> Summary:
    """Greedy layer-wise pretraining, fine-tuning against random init, comparison, export.

    Stages that were computed before are taken from MLflow, unless everything is to be refreshed.
    """
    run = start_run(config, refresh)
    try:
        with shown():
            data = prepare_data(config, run)
            stacks: list[list[Stage]] = []
            for specs in levels_of(config):
                levels: list[Stage] = []
                for spec in specs:
                    levels.append(pretrain(config, run, spec, data, list(levels)))
                stacks.append(levels)
            # A flow of its own, because a task runner belongs to a flow.
            runner = task_runner(config.execution)
            trials = finetune_all.with_options(task_runner=runner)(config, run, data, stacks)
            compare(config, run, trials)
            # Much of an export is to wait for the process that proves it.
            exported = export.submit(config, run, data, stacks, trials)
            report(config, run, stacks, trials)
            exported.result()
    except BaseException as error:
        with suppress(Exception):  # the first error is the one to be told
            fail_run(config, run, error)
        raise
    return finish_run(config, run)


def task_runner(execution: ExecutionConfig) -> TaskRunner[Any]:
    """Prefect's runner of the fine-tuning trials."""
    match execution.runner:
        case "thread":
            return ThreadPoolTaskRunner(max_workers=execution.workers)
        case "process":
            return ProcessPoolTaskRunner(max_workers=execution.workers)
        case "dask":
            from prefect_dask import DaskTaskRunner

            return DaskTaskRunner(
                cluster_kwargs={"n_workers": execution.workers, "threads_per_worker": 1}
            )
