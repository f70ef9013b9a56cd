"""The stage that fits a reference model of scikit-learn's on one label subset."""

from dataclasses import dataclass
from typing import Literal

from pipeline.config.part import Part
from pipeline.data.trial_rows import trial_rows
from pipeline.seeds import trial_seeds
from pipeline.stages.context import Context
from pipeline.stages.data import data_of_run
from pipeline.stages.trial import Trial
from pipeline.stages.trial_stage import TrialStage
from pipeline.tracking.runs import StageRun
from pipeline.training.progress import Watch


class Fitting(Part):
    """What decides a reference model's score, beside the data."""

    model: str
    labels: int
    trial_seed: int
    """Of the label subset, alike in every arm."""
    seed: int
    """Of the run."""
    metric: str
    """Chooses the settings."""
    class_weights: Literal["balanced"] | None


@dataclass(frozen=True)
class FitReference(TrialStage):
    """Fits one reference model; its input is the data."""

    contract = 3
    packages = ("scikit-learn",)
    settings: Fitting

    @property
    def trial(self) -> Trial:
        settings = self.settings
        return Trial(arm=settings.model, labels=settings.labels, seed=settings.trial_seed)

    def compute(self, context: Context, record: StageRun, watch: Watch) -> dict[str, float]:
        """Fit the model and store what it predicts for the test rows."""
        from pipeline.evaluation.references import fit_reference
        from pipeline.tracking.artifacts import store_predictions

        settings = self.settings
        data = data_of_run(context, self.inputs[0], settings.trial_seed)
        seeds = trial_seeds(settings.seed, settings.trial_seed)
        parts = trial_rows(data, settings.labels, seeds.subset, all_unlabelled=False)
        metric = data.task.metric(settings.metric)
        weights = settings.class_weights
        result = fit_reference(settings.model, parts, data.task, seeds.reference, metric, weights)
        record.params({"best": result.settings})
        store_predictions(record, result.predicted, parts.test.targets)
        return {
            **result.scores,
            f"validation_{metric.name}_kept": result.validation_score,
            "validation_rows": len(parts.validation.rows),
        }
