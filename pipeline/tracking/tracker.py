"""The record and the store of what stages made: the only module that knows MLflow.

Runs are made through MLflow's client with their parent's id, never through its thread-local active
run, so that a stage finds its parent from any thread or process.
"""

import json
import logging
import os
import re
import socket
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import numpy as np
import psutil
from mlflow.data.dataset_source import DatasetSource
from mlflow.data.numpy_dataset import from_numpy
from mlflow.entities import DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from mlflow.tracking import MlflowClient
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from pipeline.credentials import taken_out
from pipeline.errors import InputError, nearest
from pipeline.files import file_digest
from pipeline.tracking.metric_buffer import Sender

STORE = "mlruns"
TAG = "layerwise."
_RUN_ID = re.compile(r"[0-9a-f]{32}")
PICTURES = "pictures"
PARAM_LENGTH = 6000
METRICS_PER_CALL = 1000


def tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI`, or SQLite in `mlruns/` of the working directory.

    Without name and password where it is an http address, see `taken_out`.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI")
    return taken_out(given) if given else f"sqlite:///{Path(STORE).resolve()}/mlflow.db"


def check_store() -> None:
    """Raise `InputError` when nothing answers at the tracking address, before a run waits for it.

    Once a run has begun a store that is away is waited for, as it may come back.
    """
    uri = tracking_uri()
    if not uri.startswith(("http://", "https://")):
        return
    try:
        urllib.request.urlopen(uri, timeout=10).close()
    except urllib.error.HTTPError:
        return  # it answers: to MLflow it may say more
    except OSError as error:
        raise InputError(
            f"No MLflow server answers at {uri} ({error}). Start it, or unset MLFLOW_TRACKING_URI: "
            "then the store is in mlruns/ of this folder."
        ) from error


class StageRun:
    """One MLflow run while its stage works."""

    def __init__(self, client: MlflowClient, run_id: str):
        self.run_id = run_id
        self._client = client
        self._began = time.monotonic()
        self._metrics: Sender[Metric] = Sender(self._send)
        self._digests: dict[str, str] = {}

    @property
    def seconds(self) -> float:
        """How long the stage has been at work."""
        return time.monotonic() - self._began

    def params(self, params: Mapping[str, Any]) -> None:
        """Log parameters; nested mappings become dotted names."""
        entries = [Param(key, str(value)[:PARAM_LENGTH]) for key, value in _flat(params)]
        for start in range(0, len(entries), 100):
            self._client.log_batch(self.run_id, params=entries[start : start + 100])

    def metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log metrics of one step. They are sent while the stage works on, see `Sender`."""
        now = int(time.time() * 1000)
        self._metrics.add([Metric(name, float(v), now, step) for name, v in metrics.items()])

    def flush(self) -> None:
        """Wait until all metrics are sent."""
        self._metrics.flush()

    def _send(self, metrics: Sequence[Metric]) -> None:
        for start in range(0, len(metrics), METRICS_PER_CALL):
            self._client.log_batch(self.run_id, metrics=metrics[start : start + METRICS_PER_CALL])

    def tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags `layerwise.NAME`."""
        entries = [RunTag(TAG + name, str(value)) for name, value in tags.items()]
        self._client.log_batch(self.run_id, tags=entries)

    def artifact(self, file: Path) -> None:
        """Store a file under its name, and its digest as a tag."""
        self._client.log_artifact(self.run_id, str(file))
        self._digests[file.name] = file_digest(file)
        self.tags({"digests": json.dumps(self._digests)})

    def picture(self, name: str, png: bytes) -> None:
        """Store a picture for people to look at; nothing is computed from it, so it has no digest.

        It may be given to a run that has ended.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, f"{name}.png")
            file.write_bytes(png)
            self._client.log_artifact(self.run_id, str(file), PICTURES)

    def dataset(
        self, name: str, origin: str, digest: str, rows: np.ndarray, targets: np.ndarray
    ) -> None:
        """Log the dataset entity: name, digest, where it comes from, and the schema of a row."""
        entity = from_numpy(
            rows, source=_Origin(origin), targets=targets, name=name, digest=digest[:36]
        )
        context = InputTag("mlflow.data.context", "training")
        entry = DatasetInput(dataset=entity._to_mlflow_entity(), tags=[context])
        self._client.log_inputs(self.run_id, datasets=[entry])


class _Origin(DatasetSource):
    """Where rows come from, in words: a package or a file's name."""

    def __init__(self, origin: str):
        self.origin = origin

    @staticmethod
    def _get_source_type() -> str:
        return "layerwise"

    def load(self) -> None:
        raise NotImplementedError("Rows are read with `layerwise data`.")

    @staticmethod
    def _can_resolve(raw_source: Any) -> bool:
        return False

    @classmethod
    def _resolve(cls, raw_source: Any) -> "_Origin":
        return cls(str(raw_source))

    def to_dict(self) -> dict[str, str]:
        return {"origin": self.origin}

    @classmethod
    def from_dict(cls, source_dict: dict[str, str]) -> "_Origin":
        return cls(source_dict["origin"])


class FinishedRun(NamedTuple):
    """A finished stage as MLflow tells it."""

    run_id: str
    tags: dict[str, str]
    """Without the `layerwise.` before their names."""
    params: dict[str, str]
    metrics: dict[str, float]
    """The last value of each."""

    @property
    def made_by(self) -> str:
        """The run that holds the artifacts: of a cached stage the one that did the work."""
        return self.tags.get("cached_from", self.run_id)


class Tracker:
    """MLflow's store of one experiment."""

    def __init__(self, uri: str, experiment: str):
        """Open the store and the experiment; both are made when they are not there yet."""
        self.uri = uri
        self.experiment = experiment
        mlflow.set_tracking_uri(uri)
        local = uri.startswith("sqlite:///")
        if local:
            Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        self.client = MlflowClient(uri)
        found = self.client.get_experiment_by_name(experiment)
        if found is None:
            place = None
            if local:
                folder = Path(uri.removeprefix("sqlite:///")).resolve().parent
                place = (folder / "artifacts" / experiment).as_uri()
            self.experiment_id = self.client.create_experiment(experiment, artifact_location=place)
        else:
            self.experiment_id = found.experiment_id

    def start(self, name: str, stage: str, parent: str | None, tags: Mapping[str, Any]) -> StageRun:
        """Create a run, a child of `parent` where one is given."""
        entries = {MLFLOW_RUN_NAME: name, TAG + "stage": stage}
        entries |= {TAG + key: str(value) for key, value in tags.items()}
        if parent:
            entries[MLFLOW_PARENT_RUN_ID] = parent
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

    def close_dead_runs(self, successor: str) -> list[str]:
        """Close as KILLED what processes of this machine left open when they were killed.

        Stages too that a run could not close itself, because the store had no room for it. Gives
        back the ids of the dead pipeline runs.
        """
        opened = [
            run
            for run in self.client.search_runs(
                [self.experiment_id], "attributes.status = 'RUNNING'"
            )
            if TAG + "stage" in run.data.tags
        ]
        parents = {run.info.run_id: run for run in opened if TAG + "process" in run.data.tags}
        dead = [
            run_id
            for run_id, run in parents.items()
            if run_id != successor and _is_dead(run.data.tags[TAG + "process"])
        ]
        alive = set(parents) - set(dead)
        for run in opened:
            parent = run.data.tags.get(MLFLOW_PARENT_RUN_ID)
            if run.info.run_id in dead or (parent and parent not in alive):
                self.client.set_tag(run.info.run_id, TAG + "continued_by", successor)
                self.client.set_terminated(run.info.run_id, "KILLED")
        return dead

    def finish(self, run: StageRun, status: str = "FINISHED") -> None:
        """Send what waits and close the run."""
        run.flush()
        self.client.set_terminated(run.run_id, status)

    def finished(self, key: str) -> FinishedRun | None:
        """The latest finished run with this stage key that did the work and is still intact.

        Of any experiment, because what a run is called changes nothing that it computes.
        """
        runs = self.client.search_runs(
            [experiment.experiment_id for experiment in self.client.search_experiments()],
            f"tags.`{TAG}key` = '{key}' and tags.`{TAG}cached` = 'False' "
            "and attributes.status = 'FINISHED'",
            max_results=1,
            order_by=["attributes.start_time DESC"],
        )
        if not runs or not self._intact(runs[0]):
            return None
        return _finished(runs[0])

    def artifact(self, run_id: str, name: str, folder: Path) -> Path:
        """Fetch a file that a run stored; raises `InputError` when it is gone or was changed."""
        digests = json.loads(self.client.get_run(run_id).data.tags.get(TAG + "digests", "{}"))
        try:
            path = Path(self.client.download_artifacts(run_id, name, str(folder)))
        except (MlflowException, OSError) as error:
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

    def children(self, parent: str) -> list[FinishedRun]:
        """The finished stages of a run."""
        found: list[Run] = []
        token = None
        while token is None or token:
            page = self.client.search_runs(
                [self.experiment_id],
                f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}' and attributes.status = 'FINISHED'",
                page_token=token,
                order_by=["attributes.start_time ASC"],
            )
            found += page
            token = page.token or ""
        return [_finished(run) for run in found]

    def run(self, run_id: str) -> FinishedRun:
        """A run by its id."""
        return _finished(self.client.get_run(run_id))

    def latest(self) -> FinishedRun:
        """The experiment's latest finished pipeline run. Raises `InputError` when there is none."""
        runs = self.client.search_runs(
            [self.experiment_id],
            f"tags.`{TAG}stage` = 'run' and attributes.status = 'FINISHED'",
            max_results=1,
            order_by=["attributes.start_time DESC"],
        )
        if not runs:
            raise InputError(
                f"Experiment {self.experiment!r} has no finished run. Start one: layerwise run."
            )
        return _finished(runs[0])

    def log_model(
        self,
        run: StageRun,
        saved_model: Path,
        script: Path,
        example: Any,
        outputs: Any,
        endpoints: Sequence[str],
        packages: Sequence[str],
    ) -> str:
        """Log the SavedModel as an MLflow model whose code is the script; give back its URI.

        The signature is inferred from example rows and what `serve` gives for them; the parameter
        `endpoint` chooses another one.
        """
        signature = infer_signature(example, outputs, params={"endpoint": endpoints[0]})
        with mlflow.start_run(run_id=run.run_id):
            info = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(script),
                artifacts={"saved_model": str(saved_model)},
                signature=signature,
                input_example=example,
                pip_requirements=[f"{name}=={version(name)}" for name in packages],
            )
        return info.model_uri

    def register(self, model_uri: str, name: str, alias: str) -> str:
        """Register a logged model, once, and point the alias at it; give back `models:/NAME@ALIAS`.

        Raises `InputError` when there is no such logged model.
        """
        with suppress(MlflowException):  # it exists, or another run made it meanwhile
            self.client.create_registered_model(name)
        try:
            model = mlflow.get_logged_model(model_uri.removeprefix("models:/"))
        except MlflowException as error:
            raise InputError(f"MLflow has no model {model_uri!r} any more: {error}") from error
        versions = self.client.search_model_versions(f"name = '{name}'")
        known = [version for version in versions if version.source == model_uri]
        registered = (
            known[0]
            if known
            else self.client.create_model_version(
                name, model_uri, model.source_run_id, model_id=model.model_id
            )
        )
        self.client.set_registered_model_alias(name, alias, registered.version)
        return f"models:/{name}@{alias}"

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


def this_process() -> str:
    """What tells this process from all others: machine, number, and when it began."""
    return _process(psutil.Process())


def ending(error: BaseException) -> str:
    """MLflow's status of a run that an error ended: what is no `Exception` came from outside."""
    return "FAILED" if isinstance(error, Exception) else "KILLED"


def _process(process: psutil.Process) -> str:
    return f"{socket.gethostname()} {process.pid} {process.create_time():.2f}"


def _is_dead(process: str) -> bool:
    """Whether it was one of this machine and is no more; of another machine nobody can tell."""
    host, number, _ = process.rsplit(" ", 2)
    if host != socket.gethostname():
        return False
    try:
        return _process(psutil.Process(int(number))) != process
    except psutil.NoSuchProcess:
        return True


def open_experiment(name: str | None) -> Tracker:
    """An experiment that exists; without a name that of the latest finished run.

    Raises `InputError` with the nearest name when there is none.
    """
    client = _client()
    experiments = {e.experiment_id: e.name for e in client.search_experiments()}
    if name is None:
        runs = client.search_runs(
            list(experiments),
            f"tags.`{TAG}stage` = 'run' and attributes.status = 'FINISHED'",
            max_results=1,
            order_by=["attributes.start_time DESC"],
        )
        if not runs:
            raise InputError("No run has finished yet. Start one: layerwise run.")
        name = experiments[runs[0].info.experiment_id]
    if name not in experiments.values():
        known = set(experiments.values()) - {"Default"}
        raise InputError(f"There is no experiment {name!r}.{nearest(name, known)}")
    return Tracker(tracking_uri(), name)


def find_run(run_id: str) -> tuple[Tracker, FinishedRun]:
    """A finished pipeline run by its id. Raises `InputError` when there is none."""
    client = _client()
    try:
        run = client.get_run(run_id)
    except MlflowException:
        raise InputError(
            f"There is no run {run_id!r}. Give the run id that `layerwise run` printed."
        ) from None
    found = _finished(run)
    if found.tags.get("stage") != "run" or run.info.status != "FINISHED":
        raise InputError(f"Run {run_id!r} is not a finished run of the whole pipeline.")
    experiment = client.get_experiment(run.info.experiment_id)
    return Tracker(tracking_uri(), experiment.name), found


def find(name: str | None) -> tuple[Tracker, FinishedRun]:
    """The latest finished run of an experiment, or a run by its id; by default the latest of all.

    Raises `InputError` when there is neither.
    """
    if name and _RUN_ID.fullmatch(name):
        return find_run(name)
    tracker = open_experiment(name)
    return tracker, tracker.latest()


def _client() -> MlflowClient:
    """The store that is there; none is made only to be read."""
    check_store()
    uri = tracking_uri()
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        raise InputError(f"There is no MLflow store at {uri}. Start a run first: layerwise run.")
    mlflow.set_tracking_uri(uri)
    return MlflowClient(uri)


def download_model(uri: str) -> Path:
    """The SavedModel inside a registered or logged model; `InputError` when there is none."""
    check_store()
    mlflow.set_tracking_uri(tracking_uri())
    try:
        folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
    except (MlflowException, OSError) as error:
        raise InputError(f"MLflow has no model {uri!r}: {error}") from error
    found = sorted(folder.glob("artifacts/**/saved_model.pb"))
    if not found:
        raise InputError(f"The model {uri!r} is not one that Layerwise exported.")
    return found[0].parent


def transient(error: BaseException) -> bool:
    """Whether the same work may succeed later: the disk, the network or the store failed."""
    if isinstance(error, MlflowException):
        return error.error_code in ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE")
    return isinstance(error, OSError)


def _finished(run: Run) -> FinishedRun:
    tags = {
        name.removeprefix(TAG): value
        for name, value in run.data.tags.items()
        if name.startswith(TAG)
    }
    return FinishedRun(run.info.run_id, tags, dict(run.data.params), dict(run.data.metrics))


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield before + name, value
