"""What MLflow shows of a registered model: what it is, its score on which data, its card."""

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mlflow.entities import Metric
from mlflow.entities.model_registry import ModelVersion
from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

from pipeline.tracking.pages.dataset import DIGEST_LENGTH
from pipeline.tracking.runs import TAG
from pipeline.tracking.tracker import Tracker

CARD = "model_card.md"
DESCRIPTION_LENGTH = 5000
"""MLflow keeps no longer ones."""


class ModelPage(NamedTuple):
    """What is told of a version."""

    sentence: str
    """What the model is, in the list of models."""
    card: str
    """Markdown."""
    tags: Mapping[str, Any]
    metrics: Mapping[str, float]
    """On the test rows."""
    dataset: str
    """Its name."""
    digest: str


def version_of(tracker: Tracker, name: str, logged_model: str) -> ModelVersion:
    """The version of a registered model that a logged model is."""
    versions = tracker.client.search_model_versions(f"name = '{name}'")
    (found,) = [version for version in versions if version.source == logged_model]
    return found


def is_described(version: ModelVersion) -> bool:
    """Whether its page was written, by the run that made it."""
    return TAG + "run" in version.tags


def describe_version(tracker: Tracker, version: ModelVersion, page: ModelPage) -> None:
    """Write the pages of a version, of the registered model and of the logged model."""
    client, name, number = tracker.client, version.name, str(version.version)
    client.update_registered_model(name, page.sentence)
    client.update_model_version(name, number, page.card[:DESCRIPTION_LENGTH])
    model = str(version.source).removeprefix("models:/")
    versions = json.dumps([{"name": name, "version": number}])
    # Without it the page of the logged model says that it is not registered.
    client.set_logged_model_tags(model, {MLFLOW_MODEL_VERSIONS: versions})
    with tempfile.TemporaryDirectory() as folder:
        card = Path(folder, CARD)
        card.write_text(page.card, encoding="utf-8")
        client.log_model_artifact(model, str(card))
    _log_metrics(tracker, str(version.run_id), model, page)
    for tag, value in page.tags.items():
        client.set_model_version_tag(name, number, TAG + tag, str(value))


def _log_metrics(tracker: Tracker, run_id: str, model: str, page: ModelPage) -> None:
    now, digest = int(time.time() * 1000), page.digest[:DIGEST_LENGTH]
    metrics = [
        Metric(metric, value, now, 0, model, page.dataset, digest, run_id)
        for metric, value in page.metrics.items()
    ]
    tracker.client.log_batch(run_id, metrics=metrics)
