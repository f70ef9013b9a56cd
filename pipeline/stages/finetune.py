"""The stage that trains one arm on one label subset and scores it on the test rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.config.arms import ARMS
from pipeline.config.finetune import Attempt, HeadTraining, NetworkTraining
from pipeline.config.part import Part
from pipeline.config.untrained import UntrainedLevel
from pipeline.data.trial_rows import trial_rows
from pipeline.seeds import trial_seeds
from pipeline.stages.base import Stage
from pipeline.stages.context import Context
from pipeline.stages.data import data_of_run
from pipeline.stages.trial import Trial
from pipeline.tracking.runs import StageRun
from pipeline.training.progress import Progress, Watch

if TYPE_CHECKING:
    from layers import SparseAutoencoder


class Finetuning(Part):
    """What decides a trial's score, beside the data and the levels of its stack."""

    arm: str
    labels: int
    trial_seed: int
    """Of the label subset, the head and the batch order, alike in every arm."""
    seed: int
    """Of the run."""
    network: tuple[UntrainedLevel, ...]
    training: NetworkTraining | HeadTraining
    more_steps: int
    """Than the training says."""
    metric: str
    """Chooses the encoder's rate and the checkpoint."""


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
        from pipeline.training.finetuning.lending import lent_finetuner
        from pipeline.training.finetuning.objective import reads_unlabelled

        settings = self.settings
        data = data_of_run(context, self.inputs[0], settings.trial_seed)
        features, outputs = data.rows.shape[1], max(len(data.classes), 1)

        def log(progress: Progress) -> None:
            if progress.metrics is not None:
                after = f"_{progress.attempt}" if progress.attempt else ""
                curves = {f"{name}{after}": v for name, v in progress.metrics.items()}
                record.metrics(curves, progress.epoch)
            watch(progress)

        seeds = trial_seeds(settings.seed, settings.trial_seed)
        parts = trial_rows(data, settings.labels, seeds.subset, reads_unlabelled(settings.training))
        metric = settings.metric
        shape = (settings.training, settings.network, features, outputs, data.task.section, metric)
        columns = data.preprocessing.column_of_features
        with lent_finetuner(*shape, columns, data.weights is not None) as finetuner:
            result = finetuner.run(
                self._start(context, features),
                parts,
                seeds.training,
                log,
                settings.more_steps,
            )
            finetuner.network.model.set_weights(result.weights)
            store_model(record, finetuner.network.model, NETWORK)
        store_predictions(record, result.predicted, parts.test.targets)
        return {
            **result.scores,
            f"validation_{metric}_kept": result.validation_score,
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

    def _start(self, context: Context, features: int) -> "list[SparseAutoencoder]":
        """The autoencoders that the encoder's first weights come from."""
        from pipeline.stages.codes import stored_autoencoder
        from pipeline.training.finetuning.network import random_autoencoders

        settings = self.settings
        if ARMS[settings.arm].weights == "stack":
            _, *levels = self.inputs
            return [stored_autoencoder(context, level) for level in levels]
        seed = trial_seeds(settings.seed, settings.trial_seed).random
        return random_autoencoders(settings.network, features, seed)
