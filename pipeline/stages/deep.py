"""The stages of tasks without labels: one trains an arm, one fits a reference model; both score."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pipeline.config.part import Part
from pipeline.config.task import WithoutLabels
from pipeline.config.untrained import UntrainedLevel
from pipeline.evaluation.measured import Measured
from pipeline.seeds import trial_seeds
from pipeline.stages.context import Context
from pipeline.stages.data import data_of_run
from pipeline.stages.trial import Trial
from pipeline.stages.trial_stage import ArmStage, TrialStage
from pipeline.tracking.runs import StageRun
from pipeline.training.progress import Progress, Watch


class FittingDeep(Part):
    """What decides a trial's score, beside the data and the levels of its stack."""

    arm: str
    """Of an arm, or of a reference model."""
    trial_seed: int
    seed: int
    """Of the run."""
    labels: int
    """Known anomalies that train; 0 of all other tasks."""
    metric: str
    task: WithoutLabels
    """As far as scores depend on it."""

    @property
    def trial(self) -> Trial:
        """Arm, labels and seed."""
        return Trial(arm=self.arm, labels=self.labels, seed=self.trial_seed)


class TrainingDeep(FittingDeep):
    """What an arm reads beside that."""

    network: tuple[UntrainedLevel, ...]
    trains: bool
    """False where the levels stay as they are."""


@dataclass(frozen=True)
class DeepTrial(ArmStage):
    """Trains an arm as a deep autoencoder."""

    contract = 2
    settings: TrainingDeep

    @property
    def trial(self) -> Trial:
        return self.settings.trial

    @property
    def params(self) -> Mapping[str, Any]:
        return {**super().params, **self.settings.task.model_dump(mode="json")}

    def compute(self, context: Context, record: StageRun, watch: Watch) -> dict[str, float]:
        """Train the trial, store its model and what was measured of the test rows."""
        from pipeline.tracking.artifacts import store_predictions
        from pipeline.tracking.models import NETWORK, store_model
        from pipeline.training.deep.tasks import DEEP_TASKS
        from pipeline.training.finetuning.network import first_levels

        settings = self.settings
        data = data_of_run(context, self.inputs[0], settings.trial_seed)
        seeds = trial_seeds(settings.seed, settings.trial_seed)
        work = DEEP_TASKS[settings.task.kind]
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

        found = work.train(
            settings.network,
            levels,
            settings.trains,
            work.rows(data, seeds.subset, settings.labels),
            data.task,
            data.task.metric(settings.metric),
            seeds.training,
            log,
        )
        store_model(record, found.model, NETWORK)
        store_predictions(record, found.measured.predicted, data.targets[data.splits.test])
        return {
            **_metrics(found.measured, settings.metric, len(data.splits.validation)),
            "target_offset": 0.0,
            "target_scale": 1.0,
            **{f"moved_level_{n}": moved for n, moved in enumerate(found.moved, 1)},
        }


@dataclass(frozen=True)
class FitDeepReference(TrialStage):
    """Fits one reference model; its input is the data."""

    packages = ("scikit-learn",)
    settings: FittingDeep

    @property
    def trial(self) -> Trial:
        return self.settings.trial

    def compute(self, context: Context, record: StageRun, watch: Watch) -> dict[str, float]:
        """Fit the model and store what was measured of the test rows."""
        from pipeline.tracking.artifacts import store_predictions
        from pipeline.training.deep.tasks import DEEP_TASKS

        settings = self.settings
        data = data_of_run(context, self.inputs[0], settings.trial_seed)
        seeds = trial_seeds(settings.seed, settings.trial_seed)
        work, metric = DEEP_TASKS[settings.task.kind], data.task.metric(settings.metric)
        parts = work.rows(data, seeds.subset, settings.labels)
        found = work.fit(settings.arm, parts, data.task, metric, seeds.reference)
        store_predictions(record, found.predicted, data.targets[data.splits.test])
        return _metrics(found, metric.name, len(data.splits.validation))


def _metrics(found: Measured, metric: str, validation_rows: int) -> dict[str, float]:
    return {
        **found.scores,
        **found.further,
        f"validation_{metric}_kept": found.validation_score,
        "validation_rows": validation_rows,
    }
