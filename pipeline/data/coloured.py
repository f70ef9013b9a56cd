"""What rows are coloured by in a picture: their class, or a column."""

from typing import NamedTuple

import numpy as np

from pipeline.config.task import EmbedTask
from pipeline.data.features.operations import NUMPY
from pipeline.data.features.preprocessing import Preprocessing
from pipeline.data.training_data import TrainingData
from pipeline.errors import InputError, nearest


class Colours(NamedTuple):
    """Of each row what its colour stands for."""

    of: str
    """A phrase for people: class, or a column."""
    values: np.ndarray
    """Numbers, or positions in `names`, -1 for none (rows,)."""
    names: tuple[str, ...] | None
    """None: values are numbers."""


def by_class(classes: np.ndarray, names: tuple[str, ...]) -> Colours:
    """Rows coloured by their class (rows,), -1 for none."""
    return Colours("class", classes, names)


def by_column(rows: np.ndarray, preprocessing: Preprocessing, column: str) -> Colours:
    """Rows (rows, features), which are scaled, coloured by a column: in its own units."""
    names, numbers = preprocessing.ordered_names, len(preprocessing.offset)
    position = names.index(column)
    if position < numbers:
        return Colours(column, preprocessing.originals(rows, NUMPY)[:, position], None)
    category = position - numbers
    one_hot = rows[:, list(preprocessing.features_of_categories[category])]
    known = np.where(one_hot.max(axis=1) > one_hot.min(axis=1), one_hot.argmax(axis=1), -1)
    return Colours(column, known, preprocessing.vocabularies[category])


def check_coloured_by(data: TrainingData) -> None:
    """Raise `InputError` where rows are to be coloured by a column that they do not have."""
    names = data.preprocessing.ordered_names
    section = data.task.section
    column = section.coloured_by if isinstance(section, EmbedTask) else None
    if column is not None and column not in names:
        raise InputError(
            "task.coloured_by must be a column that is a feature. Given: "
            f"{column!r}.{nearest(column, names)}"
        )
