"""Which rows a trial of dimensionality reduction sees."""

from typing import NamedTuple

import numpy as np

from pipeline.data.measured_rows import MeasuredRows, measured_rows
from pipeline.data.prepared import Prepared
from pipeline.data.rows.sample import sample
from pipeline.seeds import derive
from pipeline.tasks.embed import NO_CLASS

SEARCHED = 10_000
"""Training rows with a class, at most, among which those of other rows are looked for."""


class EmbeddingRows(NamedTuple):
    """The rows of one trial, scaled, float32 (rows, features)."""

    train: np.ndarray
    labelled: np.ndarray
    """Some of them that have a class."""
    classes: np.ndarray
    """Theirs, int32 (labelled rows,)."""
    validation: MeasuredRows
    """Choose the arm to export."""
    test: MeasuredRows
    """Read once, at the end."""


def embedding_rows(data: Prepared, seed: int) -> EmbeddingRows:
    """The rows of a trial; `seed` draws those that are measured."""
    splits = data.splits
    known = splits.pretrain[data.targets[splits.pretrain] != NO_CLASS]
    labelled = sample(known, SEARCHED, derive(seed, "neighbours"))
    return EmbeddingRows(
        train=data.rows[splits.pretrain],
        labelled=data.rows[labelled],
        classes=data.targets[labelled],
        validation=measured_rows(data, splits.validation, derive(seed, "validation")),
        test=measured_rows(data, splits.test, derive(seed, "test")),
    )
