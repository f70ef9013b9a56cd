"""The stage that trains one arm on one label subset and scores it on the test rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pipeline.config.finetune import Attempt
from pipeline.stages.base import Stage
from pipeline.stages.context import Context
from pipeline.stages.data import data_of_run
from pipeline.stages.trial import Trial
from pipeline.tracking.runs import StageRun
from pipeline.training.finetuning.settings import Finetuning
from pipeline.training.progress import Progress, Watch

if TYPE_CHECKING:
    from layers import SparseAutoencoder


@dataclass(frozen=True)
class FinetuneTrial(Stage):
    """Trains one trial; its inputs are the data and the levels of its stack, if it has one."""

    kind = "finetune"
    contract = 4
    packages = ("tensorflow", "keras", "scikit-learn")
    settings: Finetuning
    stack: int | None
    """From 0; None where the arm starts from no stack."""

    @property
    def trial(self) -> Trial:
        """Which one it is."""
        settings = self.settings
        return Trial(arm=settings.arm, labels=settings.labels, seed=settings.trial_seed)

    @property
    def name(self) -> str:
        return self.trial.name

    @property
    def tags(self) -> Mapping[str, Any]:
        identity = self.trial.model_dump()
        return identity if self.stack is None else {**identity, "stack": self.stack}

    @property
    def params(self) -> Mapping[str, Any]:
        return {**self.trial.model_dump(), **self.settings.training.model_dump(mode="json")}

    def last_step(self, metrics: Mapping[str, float]) -> int:
        """The label budget: MLflow's chart, grouped by arm, is the comparison."""
        return self.settings.labels

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

        result, network, parts = run_trial(settings, data, partial(self._stack, context), log)
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

    def _stack(self, context: Context) -> "list[SparseAutoencoder]":
        """The levels that the encoder's first weights come from."""
        from pipeline.stages.codes import stored_autoencoder

        _, *levels = self.inputs
        return [stored_autoencoder(context, level) for level in levels]
