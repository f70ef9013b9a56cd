"""What the command computes of a run, on rows in memory and without a store."""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np

from layers import SparseAutoencoder
from pipeline.config.arms import ARMS, CANDIDATE
from pipeline.config.schema import RunConfig
from pipeline.config.untrained import UntrainedLevel, untrained
from pipeline.data.detection_rows import detection_rows
from pipeline.data.features.preprocessing import Preprocessing
from pipeline.data.rows.streamed import Rows
from pipeline.data.source import Layout, Source
from pipeline.data.splits import Splits
from pipeline.data.training_data import TrainingData
from pipeline.data.trials import check_task, compared_by, label_counts
from pipeline.estimators.progress import ProgressLine
from pipeline.export.trained import Trained
from pipeline.seeds import trial_seeds
from pipeline.tasks.task import Coding
from pipeline.training.deep.detect import detect
from pipeline.training.finetuning.finetune import Trial
from pipeline.training.finetuning.settings import finetuning_of
from pipeline.training.finetuning.trial import run_trial
from pipeline.training.pretraining.pretrain import Pretrained
from pipeline.training.pretraining.stack import pretrain_stack


class Learned(NamedTuple):
    """A network that was pretrained and fine-tuned."""

    trained: Trained
    levels: list[dict[str, float]]
    """Of each level what was measured on the validation rows."""
    scores: dict[str, float]
    """By every metric of the task, on the test rows."""
    validation_score: float


class Encoder(NamedTuple):
    """A stack of autoencoders that was pretrained, and what is done to rows before it."""

    preprocessing: Preprocessing
    stack: tuple[UntrainedLevel, ...]
    autoencoders: list[SparseAutoencoder]
    layout: Layout | None
    """Of a DataFrame."""


def learn_encoder(
    config: RunConfig,
    source: Source,
    splits: Splits,
    preprocessing: Preprocessing,
    line: ProgressLine,
) -> tuple[Encoder, list[dict[str, float]]]:
    """A stack, and of each level what was measured on the rows held out for that."""
    assert isinstance(source.numbers, np.ndarray)
    rows = preprocessing.apply(source.numbers, source.categories)
    levels = pretrained_levels(config, rows, splits, preprocessing, 0, line)
    stack = untrained(config.stack, decoder=True)
    autoencoders = [level.autoencoder for level in levels]
    encoder = Encoder(preprocessing, stack, autoencoders, source.layout)
    return encoder, [level.metrics for level in levels]


def learn(config: RunConfig, data: TrainingData, line: ProgressLine) -> Learned:
    """The network that a run's arm `pretrained` has, at the largest label budget, with seed 0.

    Raises `InputError` where the rows do not allow what is configured, and `DivergedError`.
    """
    check_task(config.finetune, data)
    labels = max(label_counts(config.finetune, [data]))
    metric = compared_by(config.finetune, data).name
    levels = pretrained_levels(config, data.rows, data.splits, data.preprocessing, 0, line)
    autoencoders = [level.autoencoder for level in levels]
    trial, network = trial_of_arm(config, data, CANDIDATE, labels, 0, metric, autoencoders, line)
    trained = Trained(
        name=config.name,
        preprocessing=data.preprocessing,
        stack=untrained(config.stack, decoder=True),
        autoencoders=autoencoders,
        network=network,
        task=data.task,
        classes=data.classes,
        coding=trial.coding,
        decision=trial.decision,
        layout=data.layout,
    )
    measured = [level.metrics for level in levels]
    return Learned(trained, measured, trial.scores, trial.validation_score)


def learn_detector(config: RunConfig, data: TrainingData, line: ProgressLine) -> Learned:
    """The detector that a run's arm `pretrained` has, with seed 0.

    Raises `InputError` where the rows do not allow what is configured, and `DivergedError`.
    """
    metric = compared_by(config.finetune, data)
    levels = pretrained_levels(config, data.rows, data.splits, data.preprocessing, 0, line)
    stack, seeds = untrained(config.stack, decoder=True), trial_seeds(config.seed, 0)
    autoencoders = [level.autoencoder for level in levels]
    parts = detection_rows(data, seeds.subset)
    watch = line.watch("train all levels together")
    found = detect(stack, autoencoders, True, parts, data.task, metric, seeds.training, watch)
    trained = Trained(
        name=config.name,
        preprocessing=data.preprocessing,
        stack=stack,
        autoencoders=autoencoders,
        network=found.model,
        task=data.task,
        classes=(),
        coding=Coding(),
        layout=data.layout,
    )
    measured = [level.metrics for level in levels]
    return Learned(trained, measured, found.measured.scores, found.measured.validation_score)


def pretrained_levels(
    config: RunConfig,
    rows: Rows,
    splits: Splits,
    preprocessing: Preprocessing,
    stack: int,
    line: ProgressLine,
) -> list[Pretrained]:
    """The levels of a stack (from 0), on rows that are scaled. Raises `DivergedError`."""
    return pretrain_stack(
        config.stack,
        rows[splits.pretrain],
        rows[splits.pretrain_validation],
        preprocessing,
        config.seed,
        stack,
        lambda number: line.watch(f"pretrain level {number} of {len(config.stack)}"),
    )


def trial_of_arm(
    config: RunConfig,
    data: TrainingData,
    arm: str,
    labels: int,
    seed: int,
    metric: str,
    autoencoders: Sequence[SparseAutoencoder],
    line: ProgressLine,
) -> tuple[Trial, keras.Sequential]:
    """A trial of an arm that may start from these autoencoders. Raises `DivergedError`."""
    read = len(data.splits.pretrain), data.rows.shape[1]
    outputs = max(len(data.classes), 1)
    settings = finetuning_of(config, ARMS[arm], labels, seed, metric, read, outputs)
    watch = line.watch(f"fine-tune on {labels} labels")
    trial, network, _ = run_trial(settings, data, lambda: autoencoders, watch)
    return trial, network
