"""What the command computes of a run, on rows in memory and without a store."""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np

from layers import SparseAutoencoder
from layers.deep import Embedding
from layers.detection import batched
from pipeline.config.arms import ARMS, CANDIDATE
from pipeline.config.schema import RunConfig
from pipeline.config.untrained import untrained
from pipeline.data.detection_rows import detection_rows
from pipeline.data.features.preprocessing import Preprocessing
from pipeline.data.rows.streamed import Rows
from pipeline.data.splits import Splits
from pipeline.data.training_data import TrainingData
from pipeline.data.trials import check_task, compared_by, label_counts
from pipeline.estimators.progress import Telling
from pipeline.export.trained import Trained
from pipeline.seeds import trial_seeds
from pipeline.tasks.decision import AS_GIVEN, Decision
from pipeline.tasks.detection_metrics import RECONSTRUCTION
from pipeline.tasks.metric import Metric
from pipeline.tasks.task import Coding
from pipeline.training.deep.detect import detect
from pipeline.training.deep.unrolled import unrolled
from pipeline.training.finetuning.finetune import Trial
from pipeline.training.finetuning.settings import finetuning_of
from pipeline.training.finetuning.trial import run_trial
from pipeline.training.pretraining.pretrain import Pretrained
from pipeline.training.pretraining.stack import pretrain_stack

EXPLAINED = "explained_variance"


class Learned(NamedTuple):
    """A network that was pretrained, and what was measured of it."""

    trained: Trained
    levels: list[dict[str, float]]
    """Of each level what was measured on the validation rows."""
    scores: dict[str, float]
    """By every metric of the task, on the test rows."""
    validation_score: float


class Network(NamedTuple):
    """What is trained on top of a pretrained stack."""

    model: keras.Model
    scores: dict[str, float]
    validation_score: float
    coding: Coding = Coding()
    decision: Decision = AS_GIVEN


def learn(config: RunConfig, data: TrainingData, telling: Telling) -> Learned:
    """The network that an arm of a run has, at the largest label budget, with seed 0.

    The arm is `pretrained`, or `frozen` where rows are embedded. Raises `InputError` where the rows
    do not allow what is configured, and `DivergedError`.
    """
    check_task(config.finetune, data)
    labels = max(label_counts(config.finetune, [data]))
    metric = compared_by(config.finetune, data)
    levels = pretrained_levels(config, data.rows, data.splits, data.preprocessing, 0, telling)
    autoencoders = [level.autoencoder for level in levels]
    match data.task.kind:
        case "anomaly":
            found = _detector(config, data, metric, autoencoders, telling)
        case "embed":
            found = _encoder(config, data, autoencoders)
        case _:
            found = _fine_tuned(config, data, labels, metric, autoencoders, telling)
    trained = Trained(
        name=config.name,
        preprocessing=data.preprocessing,
        stack=untrained(config.stack, decoder=True),
        autoencoders=autoencoders,
        network=found.model,
        task=data.task,
        classes=data.classes,
        coding=found.coding,
        decision=found.decision,
        layout=data.layout,
    )
    measured = [level.metrics for level in levels]
    return Learned(trained, measured, found.scores, found.validation_score)


def _fine_tuned(
    config: RunConfig,
    data: TrainingData,
    labels: int,
    metric: Metric,
    autoencoders: Sequence[SparseAutoencoder],
    telling: Telling,
) -> Network:
    trial, network = trial_of_arm(
        config, data, CANDIDATE, labels, 0, metric.name, autoencoders, telling
    )
    return Network(network, trial.scores, trial.validation_score, trial.coding, trial.decision)


def _detector(
    config: RunConfig,
    data: TrainingData,
    metric: Metric,
    autoencoders: Sequence[SparseAutoencoder],
    telling: Telling,
) -> Network:
    stack, seeds = untrained(config.stack, decoder=True), trial_seeds(config.seed, 0)
    parts = detection_rows(data, seeds.subset)
    watch = telling.watch("train all levels together", "joint")
    found = detect(stack, autoencoders, True, parts, data.task, metric, seeds.training, watch)
    return Network(found.model, found.measured.scores, found.measured.validation_score)


def _encoder(
    config: RunConfig, data: TrainingData, autoencoders: Sequence[SparseAutoencoder]
) -> Network:
    """The levels as they were pretrained, unrolled."""
    deep = unrolled(untrained(config.stack, decoder=True), autoencoders)
    model = Embedding(deep.encoder, deep.decoder)
    model.build((None, data.rows.shape[1]))
    splits = data.splits
    mean = data.rows[splits.pretrain].mean(axis=0)
    scores, validation = (
        _reconstructed(model, data.rows[part], mean) for part in (splits.test, splits.validation)
    )
    return Network(model, scores, validation[EXPLAINED])


def _reconstructed(model: Embedding, rows: np.ndarray, mean: np.ndarray) -> dict[str, float]:
    """How well rows are decoded from their code, beside the mean of training rows (features,)."""
    errors = np.square(rows - batched(model.decoder, batched(model.encoder, rows)))
    power = np.square(rows - mean).sum()
    return {
        RECONSTRUCTION: float(errors.mean()),
        EXPLAINED: float(1 - errors.sum() / max(power, 1e-12)),
    }


def pretrained_levels(
    config: RunConfig,
    rows: Rows,
    splits: Splits,
    preprocessing: Preprocessing,
    stack: int,
    telling: Telling,
) -> list[Pretrained]:
    """The levels of a stack (from 0), on rows that are scaled. Raises `DivergedError`."""
    return pretrain_stack(
        config.stack,
        rows[splits.pretrain],
        rows[splits.pretrain_validation],
        preprocessing,
        config.seed,
        stack,
        lambda number: telling.watch(
            f"pretrain level {number} of {len(config.stack)}", f"level_{number}"
        ),
    )


def trial_of_arm(
    config: RunConfig,
    data: TrainingData,
    arm: str,
    labels: int,
    seed: int,
    metric: str,
    autoencoders: Sequence[SparseAutoencoder],
    telling: Telling,
) -> tuple[Trial, keras.Sequential]:
    """A trial of an arm that may start from these autoencoders. Raises `DivergedError`."""
    read = len(data.splits.pretrain), data.rows.shape[1]
    outputs = max(len(data.classes), 1)
    settings = finetuning_of(config, ARMS[arm], labels, seed, metric, read, outputs)
    watch = telling.watch(f"fine-tune on {labels} labels", "finetune")
    trial, network, _ = run_trial(settings, data, lambda: autoencoders, watch)
    return trial, network
