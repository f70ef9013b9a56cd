"""The run that stages belong to: its MLflow run, its scratch folder, its end."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pipeline.config.schema import RunConfig
from pipeline.data.prepared import Prepared, prepare
from pipeline.evaluation.summary import Summary
from pipeline.stages.summary import CONFIG, read_summary
from pipeline.tracking.processes import close_dead_runs, this_process
from pipeline.tracking.runs import StageRun, ending
from pipeline.tracking.store import STORE, tracking_uri
from pipeline.tracking.tracker import Tracker


@dataclass(frozen=True)
class Run:
    """Where the stages of one run belong."""

    run_id: str
    """MLflow's parent run."""
    scratch: str
    """Folder of what can be made again: prepared rows and codes."""
    refresh: bool = False
    """Whether every stage is to be computed, even one that was computed before."""


def tracker_of(config: RunConfig) -> Tracker:
    """The store of the run's experiment."""
    return Tracker(tracking_uri(), config.name)


def prepared_of(config: RunConfig, run: Run) -> Prepared:
    """The data of a run, prepared once."""
    return prepare(config.data, config.seed, Path(run.scratch, "data"))


def start_run(config: RunConfig, refresh: bool = False) -> Run:
    """Open the store and start the parent run."""
    tracker = tracker_of(config)
    tags = {"seed": config.seed, "process": this_process()}
    parent = tracker.start(config.name, "run", None, tags)
    scratch = Path(STORE).resolve() / "scratch"
    for dead in close_dead_runs(tracker, parent.run_id):
        shutil.rmtree(scratch / dead, ignore_errors=True)
    settings = config.model_dump(mode="json")
    parent.params({name: settings[name] for name in ("name", "seed", "data", "finetune")})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, CONFIG)
        file.write_text(config.model_dump_json(indent=1))
        parent.artifact(file)
    return Run(parent.run_id, str(scratch / parent.run_id), refresh)


def finish_run(config: RunConfig, run: Run) -> Summary:
    """Close the parent run, clear the scratch and give back what the run came to."""
    tracker = tracker_of(config)
    tracker.finish(StageRun(tracker.client, run.run_id))
    shutil.rmtree(run.scratch, ignore_errors=True)
    return read_summary(tracker, tracker.run(run.run_id))


def fail_run(config: RunConfig, run: Run, error: BaseException) -> None:
    """Mark the parent run as failed, or killed, by the error and clear the scratch."""
    shutil.rmtree(run.scratch, ignore_errors=True)
    tracker = tracker_of(config)
    tracker.finish(StageRun(tracker.client, run.run_id), ending(error))
