"""Which columns of a table are target and features, and of what kind each is."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.data import DataConfig
from pipeline.data.sources.tables.cells import ColumnError, as_floats, is_text, texts_in
from pipeline.errors import InputError, nearest, raise_all

DISTINCT = 100
"""A text column with more values, and those in more than half of its rows, is no category."""


def check_unique(names: list[str], where: str) -> None:
    """Raise `InputError` for column names that occur twice."""
    repeated = sorted(name for name, times in Counter(names).items() if times > 1)
    if repeated:
        raise InputError(
            f"Column names must be unique. {where} repeats {', '.join(map(repr, repeated))}. "
            "Rename or remove the repeated columns."
        )


def target_and_features(
    config: DataConfig, names: list[str], where: str
) -> tuple[tuple[str, ...], list[str]]:
    """The target's columns, one but for a multi-label task, and the columns to learn from.

    Raises:
        InputError: for all names that the config has and the table has not, for a target that is
            also a feature, and when no feature is left.
    """
    problems = []
    given = config.label or ()
    labels = (given,) if isinstance(given, str) else given
    if not labels:
        problems.append(
            f"The target column of a table must be named. Set data.label (--label COLUMN) for "
            f"{where}.{nearest('label', names)}"
        )
    for label in labels:
        if label not in names:
            problems.append(
                f"data.label must name a column of the table. {where} has no column "
                f"{label!r}.{nearest(label, names)}"
            )
    for key, columns in (("data.drop", config.drop), ("data.categorical", config.categorical)):
        for name in columns:
            if name not in names:
                problems.append(
                    f"{key} must name columns of the table. {where} has no column {name!r}."
                    + nearest(name, names)
                )
            elif name in labels:
                problems.append(
                    f"{key} names feature columns. Given: {name!r}, which is data.label. Remove it "
                    "from one of the two."
                )
    features = [name for name in names if name not in (*labels, *config.drop)]
    if not features:
        problems.append(f"A feature column must remain beside the label. {where} has none.")
    raise_all(problems)
    return labels, features


def check_there(wanted: Sequence[str], names: Sequence[str], where: str) -> None:
    """Raise `InputError` for all columns that the model reads and a table has not."""
    names = set(names)  # type: ignore[assignment]
    raise_all(
        [
            f"Rows need every column that the model was trained on. {where} has no column "
            f"{name!r}.{nearest(name, names)}"
            for name in wanted
            if name not in names
        ]
    )


def kind_of(cells: pa.ChunkedArray, name: str, where: str) -> Literal["number", "category"]:
    """What the cells of a feature column are.

    Raises:
        ColumnError: for an empty column, numbers mixed with text, and an identifier.
    """
    given = len(cells) - cells.null_count
    if given == 0:
        raise ColumnError(
            name,
            where,
            "A column must have values.",
            "is empty",
            "Leave it out with data.drop.",
        )
    if as_floats(cells) is not None:
        return "number"
    if pc.sum(is_text(cells)).as_py() < given:
        raise ColumnError(
            name,
            where,
            "A column must hold numbers or text, not both.",
            texts_in(cells),
            "Correct the cells, or leave the column out with data.drop, or treat all its values "
            "as categories with data.categorical; a missing value is an empty cell.",
        )
    distinct = pc.count_distinct(cells).as_py()
    if distinct > DISTINCT and 2 * distinct > len(cells):
        raise ColumnError(
            name,
            where,
            "A text column must hold categories, not an identifier or free text.",
            f"has {distinct} distinct values in {len(cells)} rows",
            "Leave it out with data.drop.",
        )
    return "category"
