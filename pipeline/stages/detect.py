"""The stages that train one arm of anomaly detection, or fit a reference model, and score it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pipeline.config.part import Part
from pipeline.config.task import JointTraining
from pipeline.config.untrained import UntrainedLevel
from pipeline.data.detection_rows import detection_rows
from pipeline.seeds import trial_seeds
from pipeline.stages.context import Context
from pipeline.stages.data import data_of_run
from pipeline.stages.trial import Trial
from pipeline.stages.trial_stage import ArmStage, TrialStage
from pipeline.tracking.runs import StageRun
from pipeline.training.progress import Progress, Watch


class Detecting(Part):
    """What decides a trial's score, beside the data and the levels of its stack."""

    arm: str
    """Of an arm, or of a reference model."""
    trial_seed: int
    seed: int
    """Of the run."""
    metric: str

    @property
    def trial(self) -> Trial:
        """No label trains anything."""
        return Trial(arm=self.arm, labels=0, seed=self.trial_seed)


class DetectingDeep(Detecting):
    """What an arm reads beside that."""

    network: tuple[UntrainedLevel, ...]
    training: JointTraining | None
    """None where the levels stay as they are."""


@dataclass(frozen=True)
class DetectTrial(ArmStage):
    """Trains an arm as a deep autoencoder."""

    settings: DetectingDeep

    @property
    def trial(self) -> Trial:
        return self.settings.trial

    @property
    def params(self) -> Mapping[str, Any]:
        training = self.settings.training
        return {**super().params, **(training.model_dump() if training else {})}

    def compute(self, context: Context, record: StageRun, watch: Watch) -> dict[str, float]:
        """Train the trial, store its detector and what it says of the test rows."""
        from pipeline.tracking.artifacts import store_predictions
        from pipeline.tracking.models import NETWORK, store_model
        from pipeline.training.detection.detect import detect
        from pipeline.training.finetuning.network import first_levels

        settings = self.settings
        data = data_of_run(context, self.inputs[0], settings.trial_seed)
        seeds = trial_seeds(settings.seed, settings.trial_seed)
        parts = detection_rows(data, seeds.subset)
        levels = first_levels(
            settings.arm,
            settings.network,
            data.rows.shape[1],
            seeds.random,
            partial(self.pretrained, context),
        )

        def log(progress: Progress) -> None:
            if progress.metrics is not None:
                record.metrics(progress.metrics, progress.epoch)
            watch(progress)

        found = detect(
            settings.network,
            levels,
            settings.training,
            parts,
            data.task,
            data.task.metric(settings.metric),
            seeds.training,
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


@dataclass(frozen=True)
class FitDetector(TrialStage):
    """Fits one reference model; its input is the data."""

    packages = ("scikit-learn",)
    settings: Detecting

    @property
    def trial(self) -> Trial:
        return self.settings.trial

    def compute(self, context: Context, record: StageRun, watch: Watch) -> dict[str, float]:
        """Fit the model and store what it says of the test rows."""
        from pipeline.evaluation.detectors import fit_detector
        from pipeline.tracking.artifacts import store_predictions

        settings = self.settings
        data = data_of_run(context, self.inputs[0], settings.trial_seed)
        seeds = trial_seeds(settings.seed, settings.trial_seed)
        parts = detection_rows(data, seeds.subset)
        metric = data.task.metric(settings.metric)
        found = fit_detector(settings.arm, parts, data.task, metric, seeds.reference)
        store_predictions(record, found.predicted, parts.test.targets)
        return {
            **found.scores,
            f"validation_{metric.name}_kept": found.validation_score,
            "validation_rows": len(parts.validation.rows),
        }
