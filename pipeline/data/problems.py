"""Everything that keeps a source from being used as configured, found in one go."""

from typing import NamedTuple

import numpy as np

from pipeline.config.data import DataConfig
from pipeline.data.features.fitting import filled_and_flat, fit
from pipeline.data.features.preprocessing import Preprocessing
from pipeline.data.features.resolution import indistinct
from pipeline.data.source import Source
from pipeline.data.splits import Splits, split
from pipeline.errors import InputError


class Usable(NamedTuple):
    """A source split and its preprocessing fitted, or why that cannot be."""

    splits: Splits | None
    preprocessing: Preprocessing | None
    problems: tuple[str, ...]
    """Of both, one for each rule; none if the source can be used."""
    notes: tuple[str, ...]
    """What was decided in splitting, and is lost in reading and scaling, for people."""
    target: np.ndarray | None
    """Without the labels of classes that are too rare to be in every part."""


def usable(source: Source, config: DataConfig, seed: int) -> Usable:
    """Split a source and fit its preprocessing; where the first fails, fit on all rows."""
    splits, target, preprocessing = None, None, None
    problems: list[str] = []
    notes = list(source.notes)
    try:
        splits, target, decided = split(source, config, seed)
        notes += decided
    except InputError as problem:
        problems += problem.problems
    rows = np.arange(source.rows) if splits is None else splits.pretrain
    try:
        preprocessing = fit(source, rows, config)
    except InputError as problem:
        problems += problem.problems
    if preprocessing:
        notes += filled_and_flat(source, rows, config)
        notes += indistinct(source, preprocessing)
    return Usable(splits, preprocessing, tuple(problems), tuple(notes), target)
