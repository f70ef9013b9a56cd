"""The stage that trains one arm on one label subset and scores it on the test rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pipeline.config.finetune import Attempt
from pipeline.stages.context import Context
from pipeline.stages.data import data_of_run
from pipeline.stages.trial import Trial
from pipeline.stages.trial_stage import ArmStage
from pipeline.tracking.runs import StageRun
from pipeline.training.finetuning.settings import Finetuning
from pipeline.training.progress import Progress, Watch


@dataclass(frozen=True)
class FinetuneTrial(ArmStage):
    """Trains an arm on one label subset."""

    contract = 4
    settings: Finetuning

    @property
    def trial(self) -> Trial:
        settings = self.settings
        return Trial(arm=settings.arm, labels=settings.labels, seed=settings.trial_seed)

    @property
    def params(self) -> Mapping[str, Any]:
        return {**super().params, **self.settings.training.model_dump(mode="json")}

    def compute(self, context: Context, record: StageRun, watch: Watch) -> dict[str, float]:
        """Train the trial, store its network and what it predicts for the test rows."""
        from pipeline.tracking.artifacts import store_predictions
        from pipeline.tracking.models import NETWORK, store_model
        from pipeline.training.finetuning.trial import run_trial

        settings = self.settings
        data = data_of_run(context, self.inputs[0], settings.trial_seed)

        def log(progress: Progress) -> None:
            if progress.metrics is not None:
                after = f"_{progress.attempt}" if progress.attempt else ""
                curves = {f"{name}{after}": v for name, v in progress.metrics.items()}
                record.metrics(curves, progress.epoch)
            watch(progress)

        result, network, parts = run_trial(settings, data, partial(self.pretrained, context), log)
        store_model(record, network, NETWORK)
        store_predictions(record, result.predicted, parts.test.targets)
        return {
            **result.scores,
            f"validation_{settings.metric}_kept": result.validation_score,
            **self._kept(result.attempt),
            "validation_rows": len(parts.validation.rows),
            "target_offset": result.coding.offset,
            "target_scale": result.coding.scale,
            **(result.decision.to_metrics() if data.task.has_classes else {}),
            **{f"moved_level_{n}": moved for n, moved in enumerate(result.moved, 1)},
        }

    def _kept(self, attempt: Attempt) -> dict[str, float]:
        """What was best on the validation rows, of what was tried."""
        kept = {"encoder_rate": attempt.encoder_rate}
        if self.settings.training.also_tried:
            kept |= {
                "learning_rate_kept": attempt.learning_rate,
                "weight_decay_kept": attempt.weight_decay,
                "dropout_kept": attempt.dropout,
            }
        return kept
