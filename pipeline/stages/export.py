"""The stage that exports the best network, verifies it in a clean process and registers it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.config.part import Part
from pipeline.config.schema import ExportConfig
from pipeline.config.task import WithoutLabels
from pipeline.config.untrained import UntrainedLevel
from pipeline.errors import InputError
from pipeline.files import copy_version, folder_digest
from pipeline.stages.base import Stage
from pipeline.stages.context import Context
from pipeline.stages.trial import Trial
from pipeline.tasks.decision import decision_from
from pipeline.tasks.task import Coding
from pipeline.tracking.artifacts import predictions_of
from pipeline.tracking.promotion_lock import promotion_lock
from pipeline.tracking.registry import download_model, log_model, register
from pipeline.tracking.runs import FinishedRun, StageRun
from pipeline.tracking.scored_rows import ScoredModel, store_scored_rows
from pipeline.training.progress import Watch


class Exporting(Part):
    """What is exported, under which name."""

    name: str
    stack: tuple[UntrainedLevel, ...]
    unlabelled: WithoutLabels | None
    """Of a task without labels, which has settings that trained nothing and count here."""


@dataclass(frozen=True)
class ExportBest(Stage):
    """Exports one trial's network with its stack; inputs: the data, the trial, the levels.

    A model that was exported before is at its place already, or is copied from MLflow.
    """

    kind = "export"
    contract = 4
    packages = ("tensorflow", "keras")
    settings: Exporting
    trial: Trial
    """Whose network is the best."""
    place: ExportConfig
    """Where the model goes: it is the same model wherever that is."""

    @property
    def name(self) -> str:
        return "export"

    @property
    def tags(self) -> Mapping[str, Any]:
        return self.trial.model_dump()

    @property
    def params(self) -> Mapping[str, Any]:
        return {"name": self.settings.name, **self.place.model_dump()}

    @property
    def _directory(self) -> Path:
        return Path(self.place.directory, self.settings.name).resolve()

    def compute(self, context: Context, record: StageRun, watch: Watch) -> dict[str, float]:
        """Write the SavedModel, log and register it, with what it predicts for the test rows."""
        from pipeline.export.registered_model import served_model
        from pipeline.export.saved_model import export
        from pipeline.export.scored_rows import scored_rows
        from pipeline.export.trained import Trained
        from pipeline.stages.codes import stored_autoencoder
        from pipeline.tracking.models import NETWORK, stored_model

        settings, data = self.settings, context.data_of(self.trial.seed)
        _, best, *levels = self.inputs
        trained = Trained(
            name=settings.name,
            preprocessing=data.preprocessing,
            stack=settings.stack,
            autoencoders=[stored_autoencoder(context, level) for level in levels],
            network=stored_model(context.tracker, best.run_id, NETWORK),
            task=data.task,
            classes=data.classes,
            coding=Coding(best.metrics["target_offset"], best.metrics["target_scale"]),
            decision=decision_from(best.metrics),
            layout=data.layout,
        )
        folder = export(trained, self._directory, data.numbers, data.categories)
        uri = log_model(context.tracker, record, folder, *served_model(folder, data))
        measured = None
        if not data.task.needs_labels:
            measured = predictions_of(context.tracker, best.run_id).predicted
        tested = scored_rows(trained, data, measured)
        target = data.layout.labels if data.layout else ()
        store_scored_rows(record, ScoredModel(data.task.kind, data.classes, target, tested))
        record.tags(
            {
                "path": folder,
                **self._register(context, uri),
                "logged_model": uri,
                "saved_model": folder_digest(folder),
                "endpoints": json.dumps(trained.endpoints),
            }
        )
        return {}

    def restore(self, context: Context, earlier: FinishedRun) -> Mapping[str, Any] | None:
        """The tags of an export that was made before, its model at its place; None if lost."""
        path, digest = Path(earlier.tags["path"]), earlier.tags["saved_model"]
        uri = earlier.tags["logged_model"]
        try:
            at_its_place = path.parent == self._directory and path.is_dir()
            if not at_its_place or folder_digest(path) != digest:
                stored = download_model(uri)
                if folder_digest(stored) != digest:
                    return None
                path = copy_version(stored, self._directory)
            registered = self._register(context, uri)
        except InputError:
            return None
        kept = {name: earlier.tags[name] for name in ("logged_model", "saved_model", "endpoints")}
        return {"path": str(path), **registered, **kept}

    def _register(self, context: Context, uri: str) -> dict[str, Any]:
        with promotion_lock():  # of two runs that end at one moment the later model has the alias
            found = register(context.tracker, uri, self.settings.name, self.place.alias)
        return {"model_uri": found.uri, "version": found.version}
