"""The record and the store of what the stages of one experiment made.

Runs are made through MLflow's client with their parent's id, never through its thread-local active
run, so that a stage finds its parent from any thread or process.
"""

import json
import logging
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from pipeline.credentials import redact
from pipeline.errors import InputError
from pipeline.files import file_digest
from pipeline.tracking.database import experiment_location
from pipeline.tracking.pages.origin import origin_tags
from pipeline.tracking.runs import (
    CLEANED,
    SHORTENED,
    TAG,
    FinishedRun,
    StageRun,
    ending,
    finished_run,
    short_id,
)
from pipeline.tracking.search import WHOLE_RUN, all_runs, finished_children, latest_finished
from pipeline.tracking.store import database_file, make_store


class Tracker:
    """MLflow's store of one experiment.

    It can be pickled: what is unpickled is opened from the store's address and the experiment's
    name, once in a process, see `open_tracker`.
    """

    def __init__(self, uri: str, experiment: str):
        """Open the store and the experiment; both are made when they are not there yet."""
        self.uri = uri
        self.experiment = experiment
        self.client = make_store(uri)
        found = self._experiment_id()
        self.experiment_id = self._make_experiment() if found is None else found

    def __reduce__(self) -> tuple[Any, ...]:
        return open_tracker, (self.uri, self.experiment)

    def start(self, name: str, stage: str, parent: str | None, tags: Mapping[str, Any]) -> StageRun:
        """Create a run, a child of `parent` where one is given."""
        entries = {**origin_tags(), MLFLOW_RUN_NAME: name, TAG + "stage": stage}
        entries |= {TAG + key: str(value) for key, value in tags.items()}
        if parent:
            entries |= {MLFLOW_PARENT_RUN_ID: parent, TAG + "run": short_id(parent)}
        run = self.client.create_run(self.experiment_id, tags=entries, run_name=name)
        return StageRun(self.client, run.info.run_id)

    @contextmanager
    def stage(
        self, name: str, stage: str, parent: str | None, tags: Mapping[str, Any]
    ) -> Iterator[StageRun]:
        """A run around a stage: its duration as the metric `seconds`, FAILED on an exception."""
        run = self.start(name, stage, parent, tags)
        try:
            yield run
        except BaseException as error:
            self.finish(run, ending(error))
            raise
        run.metrics({"seconds": run.seconds})
        self.finish(run)

    def finish(self, run: StageRun, status: str = "FINISHED") -> None:
        """Send what waits and close the run."""
        run.flush()
        self.client.set_terminated(run.run_id, status)

    def finished(self, key: str) -> FinishedRun | None:
        """The latest finished run with this stage key that did the work and is still intact.

        Of any experiment, because what a run is called changes nothing that it computes.
        """
        did_the_work = f"tags.`{TAG}key` = '{key}' and tags.`{TAG}cached` = 'False'"
        experiments = [found.experiment_id for found in self.client.search_experiments()]
        finished = f"{did_the_work} and attributes.status = 'FINISHED'"
        for run in reversed(all_runs(self.client, experiments, finished)):
            if CLEANED not in run.data.tags and self._intact(run):
                return finished_run(run)
        return None

    def artifact(self, run_id: str, name: str, folder: Path) -> Path:
        """Fetch a file that a run stored; raises `InputError` when it is gone or was changed."""
        tags = self.client.get_run(run_id).data.tags
        digests = json.loads(tags.get(TAG + "digests", "{}"))
        try:
            path = Path(self.client.download_artifacts(run_id, name, str(folder)))
        except (MlflowException, OSError) as error:
            if when := tags.get(CLEANED):
                raise InputError(
                    f"{name!r} of run {run_id} was removed by `layerwise clean` ({when}). Run its "
                    "config again to have it."
                ) from error
            raise InputError(f"Run {run_id} has no artifact {name!r} any more: {error}") from error
        if file_digest(path) != digests.get(name):
            raise InputError(f"Artifact {name!r} of run {run_id} is not what the run stored.")
        return path

    def history(self, run_id: str, metric: str) -> list[float]:
        """The values that a metric took, step by step."""
        logged = self.client.get_metric_history(run_id, metric)
        return [entry.value for entry in sorted(logged, key=lambda entry: entry.step)]

    def place(self, run_id: str, name: str) -> str:
        """Where an artifact of a run lies: a path for a local store, else its URI."""
        uri = f"{self.client.get_run(run_id).info.artifact_uri}/{name}"
        return str(local_file_uri_to_path(uri)) if uri.startswith("file:") else uri

    def page(self, run_id: str) -> str | None:
        """The address of a run's page, where MLflow is a server."""
        if not self.uri.startswith(("http://", "https://")):
            return None
        return f"{self.uri.rstrip('/')}/#/experiments/{self.experiment_id}/runs/{run_id}"

    def children(self, parent: str) -> list[FinishedRun]:
        """The finished stages of a run."""
        runs = finished_children(self.client, self.experiment_id, parent)
        return [finished_run(run) for run in runs]

    def run(self, run_id: str) -> FinishedRun:
        """A run by its id."""
        return finished_run(self.client.get_run(run_id))

    def latest(self) -> FinishedRun:
        """The experiment's latest finished pipeline run. Raises `InputError` when there is none."""
        run = self.latest_or_none()
        if run is None:
            raise InputError(
                f"Experiment {self.experiment!r} has no finished run. Start one: layerwise run."
            )
        return run

    def latest_or_none(self, shortened: bool = True) -> FinishedRun | None:
        """The same; None when there is none. Of all, or without those that a limit cut short."""
        wanted = WHOLE_RUN if shortened else f"{WHOLE_RUN} and tags.`{SHORTENED}` IS NULL"
        run = latest_finished(self.client, wanted, [self.experiment_id])
        return finished_run(run) if run else None

    def _experiment_id(self) -> str | None:
        found = self.client.get_experiment_by_name(self.experiment)
        if found and found.lifecycle_stage == "deleted":
            raise InputError(
                f"The experiment {self.experiment!r} was deleted in MLflow. Restore it: "
                f"MLFLOW_TRACKING_URI={shlex.quote(redact(self.uri))} mlflow "
                f"experiments restore --experiment-id {found.experiment_id}\nOr give the run "
                "another name: --set name=NAME."
            )
        return found.experiment_id if found else None

    def _make_experiment(self) -> str:
        file = database_file(self.uri)
        location = experiment_location(file, self.experiment) if file else None
        try:
            return self.client.create_experiment(self.experiment, artifact_location=location)
        except MlflowException:
            if (made_meanwhile := self._experiment_id()) is None:
                raise
            return made_meanwhile

    def _intact(self, run: Run) -> bool:
        digests = json.loads(run.data.tags.get(TAG + "digests", "{}"))
        with tempfile.TemporaryDirectory() as folder:
            try:
                for name in digests:
                    self.artifact(run.info.run_id, name, Path(folder))
            except InputError as error:
                logging.getLogger(__name__).warning("%s It is computed again.", error)
                return False
        return True


@lru_cache(maxsize=8)
def open_tracker(uri: str, experiment: str) -> Tracker:
    """The tracker of an experiment, opened once in a process."""
    return Tracker(uri, experiment)
