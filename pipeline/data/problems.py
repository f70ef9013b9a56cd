"""Everything that keeps a source from being used as configured, found in one go."""

from typing import NamedTuple

import numpy as np

from pipeline.config.data import DataConfig
from pipeline.data.features.fitting import bent, filled_and_flat, fit
from pipeline.data.features.preprocessing import Preprocessing
from pipeline.data.features.resolution import indistinct
from pipeline.data.source import Source
from pipeline.data.splits import Split, split
from pipeline.errors import InputError


class Usable(NamedTuple):
    """A source split and its preprocessing fitted, or why that cannot be."""

    split: Split | None
    preprocessing: Preprocessing | None
    problems: tuple[str, ...]
    """Of both, one for each rule; none if the source can be used."""
    notes: tuple[str, ...]
    """What was decided in splitting, and is lost in reading and scaling, for people."""


def usable(source: Source, config: DataConfig, seed: int) -> Usable:
    """Split a source and fit its preprocessing; where the first fails, fit on all rows."""
    found, preprocessing = None, None
    problems: list[str] = []
    notes = list(source.notes)
    try:
        found = split(source, config, seed)
        notes += found.notes
    except InputError as problem:
        problems += problem.problems
    rows = np.arange(source.rows) if found is None else found.parts.pretrain
    try:
        preprocessing = fit(source, rows, config)
    except InputError as problem:
        problems += problem.problems
    if found and source.task:
        chosen = source.task.choose_metric(found.target[found.parts.train])
        notes += filter(None, [chosen.note])
    if preprocessing:
        notes += filled_and_flat(source, rows, config)
        notes += bent(preprocessing)
        notes += indistinct(source, preprocessing)
    return Usable(found, preprocessing, tuple(problems), tuple(notes))
