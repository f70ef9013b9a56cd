"""Which rows one trial of fine-tuning sees."""

from typing import NamedTuple

import numpy as np

from pipeline.data.rows.sample import sample
from pipeline.data.rows.streamed import Rows, at
from pipeline.data.splits import label_order, label_subset
from pipeline.data.training_data import TrainingData

STANDARDIZED_ON = 10_000


class Labelled(NamedTuple):
    """Rows with their targets."""

    rows: Rows
    """Scaled features, float32 (rows, features)."""
    targets: np.ndarray
    """As numbers (see the task)."""
    weights: np.ndarray | None = None
    """How much each row counts, float64 (rows,), greater than 0; None: all alike."""


class Parts(NamedTuple):
    """The rows of one trial."""

    train: Labelled
    """The trial's label subset."""
    validation: Labelled
    """Chooses the encoder's rate and the checkpoint."""
    refit: Labelled | None
    """Where the label budget includes validation rows: all rows to train on once the encoder's
    rate is chosen; the last weights are kept, for no row is left to choose a checkpoint on."""
    test: Labelled
    """Read once, at the end."""
    unlabelled: np.ndarray
    """Pretraining rows: a random sample of `STANDARDIZED_ON`, on which the code is standardised,
    and after it the others if fine-tuning reads them."""


def trial_rows(data: TrainingData, labels: int, seed: int, all_unlabelled: bool) -> Parts:
    """The rows of a trial with `labels` labels; `seed` draws them, alike for every arm."""
    splits = data.splits

    def labelled(indices: np.ndarray, to_train_on: bool = False) -> Labelled:
        rows = data.rows[indices] if to_train_on else at(data.rows, indices)
        weights = None if data.weights is None else data.weights[indices]
        return Labelled(rows, data.targets[indices], weights)

    refit = None
    if labels > len(splits.train):
        order = label_order(_strata(data, splits.validation), seed)
        more = splits.validation[order[: labels - len(splits.train)]]
        refit = labelled(np.concatenate([splits.train, more]), to_train_on=True)
    in_training = min(labels, len(splits.train))
    unlabelled = sample(splits.pretrain, STANDARDIZED_ON, seed)
    if all_unlabelled:
        rest = np.setdiff1d(splits.pretrain, unlabelled)
        unlabelled = np.concatenate([unlabelled, rest])
    return Parts(
        train=labelled(subset(data, splits.train, in_training, seed), to_train_on=True),
        validation=labelled(splits.validation),
        refit=refit,
        test=labelled(splits.test),
        unlabelled=data.rows[unlabelled],
    )


def subset(data: TrainingData, indices: np.ndarray, labels: int, seed: int) -> np.ndarray:
    """The rows among `indices` that show their label, by class where there are classes."""
    return indices[label_subset(_strata(data, indices), labels, seed)]


def _strata(data: TrainingData, indices: np.ndarray) -> np.ndarray:
    return data.task.strata(data.targets[indices])
