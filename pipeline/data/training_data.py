"""What training reads of a source: its rows split and scaled, and their targets as numbers."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pipeline.config.data import DataConfig
from pipeline.data.features.preprocessing import Preprocessing
from pipeline.data.problems import Usable, usable
from pipeline.data.rows.streamed import Rows
from pipeline.data.source import Layout, Source
from pipeline.data.splits import Split, Splits
from pipeline.errors import raise_all
from pipeline.seeds import derive
from pipeline.tasks.task import Task


@dataclass(frozen=True)
class TrainingData:
    """The rows that a network learns from."""

    rows: Rows
    """Scaled features of all rows, float32 (rows, features): memory-mapped, or on disk."""
    targets: np.ndarray
    """Of all rows, as numbers (see the task)."""
    weights: np.ndarray | None
    """How much each row counts, float64 (rows,); None: all alike."""
    task: Task
    classes: tuple[str, ...]
    """Names of the classes in the order of their numbers, or of the labels; of a number none."""
    splits: Splits
    preprocessing: Preprocessing
    table: bool
    """Whether the source is a table, whose columns have names of their own."""
    layout: Layout | None
    """Of a table."""
    image_shape: tuple[int, ...] | None
    """Of a row, (height, width[, channels]), where rows are images and all columns are kept."""


class SplitSource(NamedTuple):
    """A source that can be used: split, its preprocessing fitted, its targets as numbers."""

    split: Split
    preprocessing: Preprocessing
    task: Task
    classes: tuple[str, ...]
    targets: np.ndarray
    usable: Usable
    """The same, with notes for people."""


def split_source(source: Source, config: DataConfig, seed: int) -> SplitSource:
    """The source as a run of this seed splits and scales it.

    Raises:
        InputError: for everything that keeps the source from being used.
    """
    found = usable(source, config, derive(seed, "split"))
    raise_all(found.problems)
    assert found.split and found.preprocessing and source.task  # there were no problems
    classes, targets = source.task.numbers(found.split.target, source.label_columns)
    return SplitSource(found.split, found.preprocessing, source.task, classes, targets, found)


def training_data(source: Source, found: SplitSource) -> TrainingData:
    """The rows of a source in memory, which was split."""
    assert isinstance(source.numbers, np.ndarray)
    return TrainingData(
        rows=found.preprocessing.apply(source.numbers, source.categories),
        targets=found.targets,
        weights=source.roles.weight,
        task=found.task,
        classes=found.classes,
        splits=found.split.parts,
        preprocessing=found.preprocessing,
        table=source.table,
        layout=source.layout,
        image_shape=source.image_shape,
    )
