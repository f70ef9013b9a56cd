"""Which rows one trial of fine-tuning sees."""

from typing import NamedTuple

import numpy as np

from pipeline.data.prepared import Prepared
from pipeline.data.rows.streamed import Rows, at
from pipeline.data.splits import label_subset

STANDARDIZED_ON = 10_000


class Labelled(NamedTuple):
    """Rows with their targets."""

    rows: Rows
    """Scaled features, float32 (rows, features)."""
    targets: np.ndarray
    """Class numbers, int32 (rows,); labels of 0 and 1, float32 (rows, labels); or standardised
    targets, float32 (rows,)."""


class Parts(NamedTuple):
    """The rows of one trial."""

    train: Labelled
    """The trial's label subset."""
    validation: Labelled
    """Chooses the encoder's rate and the checkpoint."""
    refit: Labelled | None
    """Where the label budget takes in the validation rows: all rows to train on once the encoder's
    rate is chosen; the last weights are kept, for no row is left to choose a checkpoint on."""
    test: Labelled
    """Read once, at the end."""
    unlabelled: np.ndarray
    """Pretraining rows: the first standardise the code; the rest is there if fine-tuning reads it.
    """


def trial_rows(data: Prepared, labels: int, seed: int, all_unlabelled: bool) -> Parts:
    """The rows of a trial with so many labels; `seed` draws them, alike for every arm."""
    splits = data.splits

    def labelled(indices: np.ndarray, to_train_on: bool = False) -> Labelled:
        rows = data.rows[indices] if to_train_on else at(data.rows, indices)
        return Labelled(rows, data.targets[indices])

    refit = None
    if labels > len(splits.train):
        everything = np.concatenate([splits.train, splits.validation])
        refit = labelled(subset(data, everything, labels, seed), to_train_on=True)
    in_training = min(labels, len(splits.train))
    return Parts(
        train=labelled(subset(data, splits.train, in_training, seed), to_train_on=True),
        validation=labelled(splits.validation),
        refit=refit,
        test=labelled(splits.test),
        unlabelled=data.rows[splits.pretrain[: None if all_unlabelled else STANDARDIZED_ON]],
    )


def subset(data: Prepared, indices: np.ndarray, labels: int, seed: int) -> np.ndarray:
    """The rows among `indices` that show their label, by class where there are classes."""
    classes = data.targets[indices] if data.task == "classification" else None
    return indices[label_subset(classes, len(indices), labels, seed)]
