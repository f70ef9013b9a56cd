"""The work of a reference's stage: what scikit-learn is needed for."""

from typing import cast

from pipeline.config.finetune import Reference
from pipeline.config.schema import RunConfig
from pipeline.evaluation.metrics import METRICS
from pipeline.evaluation.references import fit_reference
from pipeline.seeds import derive
from pipeline.stages.run import Run, prepared_of
from pipeline.stages.trials import TrialSpec, parts_of
from pipeline.tracking.artifacts import store_predictions
from pipeline.tracking.runs import StageRun


def fit_reference_trial(
    config: RunConfig, run: Run, trial: TrialSpec, stage: StageRun
) -> dict[str, float]:
    """Fit a trial's reference model, store what it predicts, give back its metrics."""
    prepared = prepared_of(config, run)
    parts = parts_of(config, prepared, trial)
    seed = derive(config.seed, "reference", trial.seed)
    result = fit_reference(cast(Reference, trial.arm), parts, config.data.task, seed)
    stage.params({"best": result.settings})
    store_predictions(stage, result.predictions, parts.test.targets)
    metric = METRICS[config.data.task]
    metrics = {
        metric: result.score,
        f"validation_{metric}_kept": result.validation_score,
        "validation_rows": len(parts.validation.rows),
    }
    stage.metrics(metrics, trial.labels)
    return metrics
