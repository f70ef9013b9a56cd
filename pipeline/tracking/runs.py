"""Runs in MLflow: one while its stage works, and one that is finished."""

import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from pipeline.files import file_digest
from pipeline.tracking.faults import raced
from pipeline.tracking.metric_buffer import MetricBuffer
from pipeline.tracking.pages.dataset import dataset_input
from pipeline.tracking.pages.links import run_link

TAG = "layerwise."
CLEANED = f"{TAG}cleaned"
"""The tag of a run whose weights were removed: when."""
SHORTENED = f"{TAG}shortened"
"""The tag of a run that a time limit cut short: what there was no time for."""
PICTURES = "pictures"
PARAM_LENGTH = 6000
WHOLE_PARAMS = "params.json"
"""The artifact of a run with parameters that MLflow does not show whole: all of them."""
CUT = f" ... (whole in {WHOLE_PARAMS})"
METRICS_PER_CALL = 1000


class StageRun:
    """One MLflow run while its stage works."""

    def __init__(self, client: MlflowClient, run_id: str):
        self.run_id = run_id
        self._client = client
        self._began = time.monotonic()
        self._metrics = MetricBuffer(self._send)
        self._digests: dict[str, str] = {}

    @property
    def seconds(self) -> float:
        """How long the stage has been at work."""
        return time.monotonic() - self._began

    def params(self, params: Mapping[str, Any]) -> None:
        """Log parameters; what is nested gets dotted names, in lists by number from 0.

        Where MLflow would have to cut one all are stored as JSON, too.
        """
        whole = {key: str(value) for key, value in flat(params)}
        if any(len(value) > PARAM_LENGTH for value in whole.values()):
            self._client.log_dict(self.run_id, whole, WHOLE_PARAMS)
        entries = [Param(key, _cut(value)) for key, value in whole.items()]
        for start in range(0, len(entries), 100):
            self._client.log_batch(self.run_id, params=entries[start : start + 100])

    def metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log metrics of one step. They are sent while the stage works on, see `MetricBuffer`."""
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

    def note(self, markdown: str) -> None:
        """Set what MLflow's page shows as the description of the run. It may have ended."""
        self._client.set_tag(self.run_id, MLFLOW_RUN_NOTE, markdown)

    def page(self, name: str, text: str) -> None:
        """Store a page to be read; as with a picture nothing is computed from it."""
        self._client.log_text(self.run_id, text, name)

    def picture(self, name: str, png: bytes) -> None:
        """Store a picture for people to look at; nothing is computed from it, so it has no digest.

        It may be given to a run that has ended.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, f"{name}.png")
            file.write_bytes(png)
            self._client.log_artifact(self.run_id, str(file), PICTURES)

    def dataset(
        self,
        name: str,
        origin: str,
        digest: str,
        rows: np.ndarray,
        targets: np.ndarray,
        profile: Mapping[str, Any],
    ) -> None:
        """Log the dataset entity: name, digest, origin, the schema of a row, and its profile."""
        entry = dataset_input(name, origin, digest, rows, targets, profile)
        raced(lambda: self._client.log_inputs(self.run_id, datasets=[entry]))


class FinishedRun(NamedTuple):
    """A finished stage as MLflow records it."""

    run_id: str
    tags: dict[str, str]
    """Without the `layerwise.` before their names."""
    params: dict[str, str]
    metrics: dict[str, float]
    """The last value of each."""
    experiment_id: str = ""

    @property
    def made_by(self) -> str:
        """The run that holds the artifacts: of a cached stage the one that did the work."""
        return self.tags.get("cached_from", self.run_id)

    @property
    def link(self) -> str:
        """To its page in MLflow, from another page there."""
        return run_link(self.experiment_id, self.run_id)

    @property
    def cleaned(self) -> str | None:
        """When its weights were removed, if they were."""
        return self.tags.get("cleaned")


def short_id(run_id: str) -> str:
    """By which people tell runs from each other: the tag `layerwise.run` of its stages."""
    return run_id[:8]


def ending(error: BaseException) -> str:
    """MLflow's status of a run that an error ended: what is no `Exception` came from outside."""
    return "FAILED" if isinstance(error, Exception) else "KILLED"


def finished_run(run: Run) -> FinishedRun:
    """A finished run of MLflow's."""
    tags = {
        name.removeprefix(TAG): value
        for name, value in run.data.tags.items()
        if name.startswith(TAG)
    }
    params, metrics = dict(run.data.params), dict(run.data.metrics)
    return FinishedRun(run.info.run_id, tags, params, metrics, run.info.experiment_id)


def _cut(value: str) -> str:
    return value if len(value) <= PARAM_LENGTH else value[: PARAM_LENGTH - len(CUT)] + CUT


def flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """What is nested under dotted names, in lists by number from 0."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{before}{name}.")
        elif isinstance(value, list) and value and all(isinstance(v, Mapping) for v in value):
            yield from flat({str(n): v for n, v in enumerate(value)}, f"{before}{name}.")
        else:
            yield before + name, value
