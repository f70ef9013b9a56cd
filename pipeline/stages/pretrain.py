"""The stage that pretrains one level of a stack."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.config.level import LevelTraining
from pipeline.config.part import Part
from pipeline.seeds import level_seed
from pipeline.stages.base import Outcome, Stage
from pipeline.stages.context import Context
from pipeline.stages.earlier.features import store_features, stored_features
from pipeline.tracking.runs import StageRun
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.progress import Progress, Watch

if TYPE_CHECKING:
    from pipeline.training.pretraining.start import Start


class Level(Part):
    """What decides a level's weights, beside the levels below."""

    number: int
    """From 1, the level on the rows."""
    stack: int
    """From 0."""
    seed: int
    training: LevelTraining
    passed_on: tuple[str, ...]
    """What each level below passes on: its activations or its code."""
    gpus: int
    memory: int | None
    """Bytes that the rows it reads may take, where they exceed it: their order depends on it."""
    rows_read: str
    """Digest of the rows that the lowest level reads."""


@dataclass(frozen=True)
class PretrainLevel(Stage):
    """Pretrains one level on the codes of the levels below.

    Its inputs are these levels and, where it does not start from new weights, the level of an
    earlier run that it starts from.
    """

    kind = "pretrain"
    contract = 2
    packages = ("tensorflow", "keras")
    settings: Level

    @property
    def name(self) -> str:
        which = f", stack {self.settings.stack + 1}" if self.settings.stack else ""
        return f"pretrain level {self.settings.number}{which}"

    @property
    def tags(self) -> Mapping[str, Any]:
        settings = self.settings
        return {
            "level": settings.number,
            "stack": settings.stack,
            "units": settings.training.units,
            "starts_from": self._start.run_id if self._start else "",
            "starts_from_key": self._start.key if self._start else "",
        }

    @property
    def _below(self) -> tuple[Outcome, ...]:
        return self.inputs[: self.settings.number - 1]

    @property
    def _start(self) -> Outcome | None:
        """The earlier level that it starts from."""
        below = self.settings.number - 1
        return self.inputs[below] if len(self.inputs) > below else None

    @property
    def params(self) -> Mapping[str, Any]:
        return self.settings.training.model_dump(mode="json")

    def last_step(self, metrics: Mapping[str, float]) -> int:
        """The last epoch."""
        return int(metrics["epochs"])

    def compute(self, context: Context, record: StageRun, watch: Watch) -> dict[str, float]:
        """Train the level, store it with its curves."""
        from pipeline.stages.codes import rows_of_level
        from pipeline.tracking.models import AUTOENCODER, store_model
        from pipeline.tracking.pages.system_metrics import system_metrics
        from pipeline.training.devices import distribution_scope
        from pipeline.training.pretraining.pretrain import pretrain

        settings = self.settings
        rows, validation = rows_of_level(
            context, settings.stack, self._below, settings.passed_on, settings.memory
        )
        checkpoint = self._checkpoint(context)
        if context.run.refresh:
            checkpoint.remove()
        epochs = 0

        def log(progress: Progress) -> None:
            nonlocal epochs
            if epochs != progress.epochs:
                epochs = progress.epochs
                record.tags({"epochs": epochs})
            if progress.metrics is not None:
                # Those of the last epoch are the outcome's, which are logged as of every stage.
                measured = {} if progress.epoch == progress.epochs else progress.metrics
                record.metrics({"loss": progress.loss, **measured}, progress.epoch)
            watch(progress)

        columns: Sequence[int] = ()
        categories: Sequence[range] = ()
        features: Sequence[Hashable] = range(rows.shape[1])
        if settings.number == 1:
            preprocessing = context.data_of(settings.stack).preprocessing
            columns = preprocessing.column_of_features
            categories = preprocessing.features_of_categories
            features = preprocessing.named_features
            store_features(record, preprocessing.named_features)
        seed = level_seed(settings.seed, settings.stack, settings.number)
        load = system_metrics(context.tracker.uri, record.run_id)
        with load, distribution_scope(settings.gpus):
            start = self._first_weights(context, features)
            result = pretrain(
                settings.training, rows, validation, seed, log, checkpoint, start, columns,
                categories,
            )  # fmt: skip
        store_model(record, result.autoencoder, AUTOENCODER)
        record.tags({"xla": result.xla})
        if checkpoint.resumed:
            record.tags({"resumed_after_epoch": checkpoint.resumed})
        return result.metrics | {"epochs": result.epochs}

    def _first_weights(self, context: Context, features: Sequence[Hashable]) -> "Start | None":
        """What it starts from, on rows of these features, where that is not new weights.

        Which features the earlier level read follows from its key, as `features` do from this one.
        """
        from pipeline.stages.codes import stored_autoencoder
        from pipeline.training.pretraining.start import Start

        if self._start is None:
            return None
        before = features
        if self.settings.number == 1:
            before = stored_features(context.tracker, self._start.run_id)
        return Start.of(stored_autoencoder(context, self._start), before, features)

    def finish(self, context: Context, record: StageRun, outcome: Outcome) -> None:
        """The checkpoint is no longer needed."""
        record.flush()
        self._checkpoint(context).remove()

    def _checkpoint(self, context: Context) -> Checkpoint:
        return Checkpoint(context.checkpoints, self.key)
