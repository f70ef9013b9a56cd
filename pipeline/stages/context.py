"""What the stages of a run share: its MLflow run, the store, the prepared data, the scratch."""

import re
import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.computing import import_quietly
from pipeline.config.data import DataConfig
from pipeline.config.schema import RunConfig
from pipeline.config.task import TaskConfig
from pipeline.data.prepared import Prepared, prepare
from pipeline.evaluation.summary import Summary
from pipeline.seeds import split_seed
from pipeline.stages.mlflow_pages import write_pages
from pipeline.stages.summary import CONFIG, read_summary
from pipeline.tracking.artifacts import store_json
from pipeline.tracking.processes import (
    close_dead_runs,
    close_killed_stages,
    has_ended,
    this_process,
)
from pipeline.tracking.runs import StageRun, ending
from pipeline.tracking.store import check_store_writable, scratch_folder, tracking_uri
from pipeline.tracking.tracker import Tracker, open_tracker

COMPUTING = (
    "pipeline.stages.codes",
    "pipeline.training.finetuning.trial",
    "pipeline.export.saved_model",
)
"""Modules that take seconds to import, and are needed only where something is computed."""

_RUN_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Run:
    """A run as it is handed to other processes: what its context can be made of again there.

    MLflow's address is no part of it: Prefect stores what tasks are given, and it may hold a
    password. Each process has it from its environment.
    """

    run_id: str
    """MLflow's parent run."""
    experiment: str
    scratch: Path
    """Folder of what can be made again, where the run began: see `Context.scratch`."""
    data: DataConfig
    task: TaskConfig
    seed: int
    refresh: bool = False
    """Whether every stage is to be computed, even one that was computed before."""


class Context:
    """What the stages of a run work with, opened once in a process: see `context_of`."""

    def __init__(self, run: Run):
        self.run = run
        self.tracker = open_tracker(tracking_uri(), run.experiment)
        self.scratch = run.scratch
        """Folder of what can be made again: prepared rows and codes."""
        self.reads_itself = not run.scratch.exists()
        """Whether this is a worker on another machine, which prepares the rows for itself."""
        if self.reads_itself:
            self.scratch = scratch_folder() / run.run_id
            _remove_ended(self.tracker, self.scratch.parent)

    @property
    def data(self) -> Prepared:
        """The data of the run, prepared once on each machine; of several splits the first."""
        return self.data_of(0)

    def data_of(self, seed: int) -> Prepared:
        """The same, as they are split for a seed of fine-tuning, and for its stack.

        One split serves all seeds, unless data.resplit has them drawn anew.
        """
        run, split = self.run, seed if self.run.data.resplit else 0
        folder = self.scratch / (f"data-{split}" if split else "data")
        return prepare(run.data, run.task, split_seed(run.seed, split), folder)

    @property
    def parent(self) -> StageRun:
        """MLflow's parent run."""
        return StageRun(self.tracker.client, self.run.run_id)

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints of all runs: a later one goes on with what one left."""
        return self.scratch.with_name("checkpoints")

    def prepare_to_compute(self) -> None:
        """Import TensorFlow, quietly and once, before work that needs it."""
        import_what_computes()


@lru_cache(maxsize=4)
def context_of(run: Run) -> Context:
    """The context of a run in this process."""
    return Context(run)


def import_what_computes() -> None:
    """Import TensorFlow and what is written on it, with what it says meanwhile hidden."""
    import_quietly(COMPUTING)


def start_run(config: RunConfig, refresh: bool = False) -> Run:
    """Open the store and start the parent run."""
    check_store_writable()
    tracker = Tracker(tracking_uri(), config.name)
    scratch = scratch_folder()
    tags = {"seed": config.seed, "process": this_process()}
    parent = tracker.start(config.name, "run", None, tags)
    for dead in close_dead_runs(tracker, parent.run_id):
        shutil.rmtree(scratch / dead, ignore_errors=True)
    settings = config.model_dump(mode="json")
    parent.params(settings)
    store_json(parent, CONFIG, settings)
    (scratch / parent.run_id).mkdir()
    return Run(
        run_id=parent.run_id,
        experiment=config.name,
        scratch=scratch / parent.run_id,
        data=config.data,
        task=config.task,
        seed=config.seed,
        refresh=refresh,
    )


def _remove_ended(tracker: Tracker, scratch: Path) -> None:
    """Remove what workers of this machine left of runs that have ended since."""
    for folder in scratch.iterdir():
        if _RUN_ID.fullmatch(folder.name) and has_ended(tracker, folder.name):
            shutil.rmtree(folder, ignore_errors=True)


def finish_run(run: Run) -> Summary:
    """Close the parent run, clear the scratch and give back what the run came to.

    MLflow's pages of the run and its model tell it in words.
    """
    context = context_of(run)
    close_killed_stages(context.tracker, run.run_id)
    context.tracker.finish(context.parent)
    shutil.rmtree(run.scratch, ignore_errors=True)
    summary = read_summary(context.tracker, context.tracker.run(run.run_id))
    write_pages(context.tracker, context.parent, summary)
    return summary


def shorten_run(run: Run, reason: str) -> None:
    """Tell in the run's record what a time limit left no time for."""
    context_of(run).parent.tags({"shortened": reason})


def fail_run(run: Run, error: BaseException) -> None:
    """Mark the parent run as failed, or killed, by the error and clear the scratch."""
    end_run(run, ending(error))


def end_run(run: Run, status: str) -> None:
    """Close the parent run, which came to nothing, as `FAILED` or `KILLED`; clear the scratch."""
    shutil.rmtree(run.scratch, ignore_errors=True)
    context = context_of(run)
    close_killed_stages(context.tracker, run.run_id)
    context.tracker.finish(context.parent, status)
