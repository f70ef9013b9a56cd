"""Which rows a trial of anomaly detection sees."""

from typing import NamedTuple

import numpy as np

from pipeline.config.task import AnomalyTask
from pipeline.data.hidden_anomalies import likely_normal
from pipeline.data.rows.sample import sample
from pipeline.data.rows.streamed import at
from pipeline.data.training_data import TrainingData
from pipeline.data.trial_rows import Labelled, subset
from pipeline.seeds import derive

REFERENCES = 5_000
"""Rows that neighbours are searched among, at most: a model that is exported takes them along."""
HELD_OUT = 10_000
"""Normal rows that say what is usual, at most."""


class DetectionRows(NamedTuple):
    """The rows of one trial, scaled, float32 (rows, features)."""

    normal: np.ndarray
    """Taken as normal, to train on."""
    references: np.ndarray
    """Some of them, among which neighbours are searched."""
    held_out: np.ndarray
    """Others that are taken as normal: they train nothing, and say what is usual."""
    known: np.ndarray
    """Anomalies that train, of which there may be none."""
    validation: Labelled
    """These with the anomalies among the validation rows: they choose the arm to export."""
    test: Labelled
    """Read once, at the end."""
    columns: tuple[int, ...]
    """Of each feature the column that it is of, from 0."""
    column_count: int
    """How many columns there are."""
    images: bool = False
    """Whether rows are images, each column a pixel."""


def detection_rows(data: TrainingData, seed: int, known: int = 0) -> DetectionRows:
    """The rows of a trial; `seed` draws references, rows held out, and so many known anomalies."""
    splits = data.splits
    section = data.task.section
    assert isinstance(section, AnomalyTask)
    normal, held_out = splits.pretrain, splits.pretrain_validation
    if section.contamination:
        likely = likely_normal(
            data.rows[normal], section.contamination, derive(seed, "contamination")
        )
        normal, held_out = (
            _chosen(part, likely(at(data.rows, part))) for part in (normal, held_out)
        )

    def labelled(indices: np.ndarray) -> Labelled:
        weights = None if data.weights is None else data.weights[indices]
        return Labelled(at(data.rows, indices), data.targets[indices], weights)

    return DetectionRows(
        normal=data.rows[normal],
        references=data.rows[sample(normal, REFERENCES, seed)],
        held_out=data.rows[sample(held_out, HELD_OUT, seed)],
        known=data.rows[subset(data, splits.train, known, seed) if known else splits.train[:0]],
        validation=labelled(splits.validation),
        test=labelled(splits.test),
        columns=data.preprocessing.column_of_features,
        column_count=len(data.preprocessing.columns),
        images=data.image_shape is not None,
    )


def _chosen(part: np.ndarray, likely: np.ndarray) -> np.ndarray:
    """Those likely to be normal; all of few rows of which none is."""
    return part[likely] if likely.any() else part
