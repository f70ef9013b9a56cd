"""The stages that train one arm of anomaly detection, or fit a reference model, and score it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.config.arms import ARMS
from pipeline.config.part import Part
from pipeline.config.task import JointTraining
from pipeline.config.untrained import UntrainedLevel
from pipeline.data.detection_rows import detection_rows
from pipeline.seeds import derive
from pipeline.stages.base import Stage
from pipeline.stages.context import Context
from pipeline.stages.data import data_of_run
from pipeline.stages.trial import Trial
from pipeline.tracking.runs import StageRun
from pipeline.training.progress import Progress, Watch

if TYPE_CHECKING:
    from layers import SparseAutoencoder


class Detecting(Part):
    """What decides a trial's score, beside the data and the levels of its stack."""

    arm: str
    """Of an arm, or of a reference model."""
    trial_seed: int
    seed: int
    """Of the run."""
    metric: str


class DetectingDeep(Detecting):
    """What an arm reads beside that."""

    network: tuple[UntrainedLevel, ...]
    training: JointTraining | None
    """None where the levels stay as they are."""


@dataclass(frozen=True)
class DetectTrial(Stage):
    """Trains one trial; its inputs are the data and the levels of its stack, if it has one."""

    kind = "finetune"
    packages = ("tensorflow", "keras", "scikit-learn")
    settings: DetectingDeep
    stack: int | None
    """From 0; None where the arm starts from no stack."""

    @property
    def trial(self) -> Trial:
        """Which one it is."""
        return _trial(self.settings)

    @property
    def name(self) -> str:
        return self.trial.name

    @property
    def tags(self) -> Mapping[str, Any]:
        identity = self.trial.model_dump()
        return identity if self.stack is None else {**identity, "stack": self.stack}

    @property
    def params(self) -> Mapping[str, Any]:
        training = self.settings.training
        return {**self.trial.model_dump(), **(training.model_dump() if training else {})}

    def compute(self, context: Context, record: StageRun, watch: Watch) -> dict[str, float]:
        """Train the trial, store its detector and what it says of the test rows."""
        from pipeline.tracking.artifacts import store_predictions
        from pipeline.tracking.models import NETWORK, store_model
        from pipeline.training.detection.detect import detect

        settings = self.settings
        data = data_of_run(context, self.inputs[0], settings.trial_seed)
        parts = detection_rows(data, derive(settings.seed, "subset", settings.trial_seed))
        preprocessing = data.preprocessing
        columns = preprocessing.column_of_features

        def log(progress: Progress) -> None:
            if progress.metrics is not None:
                record.metrics(progress.metrics, progress.epoch)
            watch(progress)

        found = detect(
            settings.network,
            self._start(context, data.rows.shape[1]),
            settings.training,
            parts,
            (columns, len(preprocessing.columns)),
            data.task,
            data.task.metric(settings.metric),
            derive(settings.seed, "trial", settings.trial_seed),
            log,
        )
        store_model(record, found.detector, NETWORK)
        store_predictions(record, found.predicted, parts.test.targets)
        return {
            **found.scores,
            f"validation_{settings.metric}_kept": found.validation_score,
            "validation_rows": len(parts.validation.rows),
            "target_offset": 0.0,
            "target_scale": 1.0,
            **{f"moved_level_{n}": moved for n, moved in enumerate(found.moved, 1)},
        }

    def _start(self, context: Context, features: int) -> "list[SparseAutoencoder]":
        """The autoencoders that the deep one is unrolled from."""
        from pipeline.stages.codes import stored_autoencoder
        from pipeline.training.finetuning.network import random_autoencoders

        settings = self.settings
        if ARMS[settings.arm].weights == "stack":
            _, *levels = self.inputs
            return [stored_autoencoder(context, level) for level in levels]
        seed = derive(settings.seed, "random", settings.trial_seed)
        return random_autoencoders(settings.network, features, seed)


@dataclass(frozen=True)
class FitDetector(Stage):
    """Fits one reference model; its input is the data."""

    kind = "finetune"
    packages = ("scikit-learn",)
    settings: Detecting

    @property
    def trial(self) -> Trial:
        """Which one it is."""
        return _trial(self.settings)

    @property
    def name(self) -> str:
        return self.trial.name

    @property
    def tags(self) -> Mapping[str, Any]:
        return self.trial.model_dump()

    @property
    def params(self) -> Mapping[str, Any]:
        return self.trial.model_dump()

    def compute(self, context: Context, record: StageRun, watch: Watch) -> dict[str, float]:
        """Fit the model and store what it says of the test rows."""
        from pipeline.evaluation.detectors import fit_detector
        from pipeline.tracking.artifacts import store_predictions

        settings = self.settings
        data = data_of_run(context, self.inputs[0], settings.trial_seed)
        parts = detection_rows(data, derive(settings.seed, "subset", settings.trial_seed))
        seed = derive(settings.seed, "reference", settings.trial_seed)
        metric = data.task.metric(settings.metric)
        found = fit_detector(settings.arm, parts, data.task, metric, seed)
        store_predictions(record, found.predicted, parts.test.targets)
        return {
            **found.scores,
            f"validation_{metric.name}_kept": found.validation_score,
            "validation_rows": len(parts.validation.rows),
        }


def _trial(settings: Detecting) -> Trial:
    """No label trains anything."""
    return Trial(arm=settings.arm, labels=0, seed=settings.trial_seed)
