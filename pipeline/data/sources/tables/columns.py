"""Which columns of a table are target and features, by name or by number."""

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from pipeline.config.data import NO_FEATURES, ROLES, DataConfig
from pipeline.data.source import Column, Kind, Wanted
from pipeline.errors import InputError, listed, nearest, nearest_of, noted, raise_all

_LIKELY = (
    "target",
    "label",
    "class",
    "y",
    "outcome",
    "species",
    "category",
    "quality",
    "diagnosis",
)
"""What the target's column is called, most often."""


class Chosen(NamedTuple):
    """What a config says of a table's columns, by their positions."""

    labels: list[int]
    """The target's, one but for a multi-label task."""
    features: list[int]
    """Those to learn from."""
    kinds: dict[int, Kind]
    """What some of them are to be taken for."""
    roles: dict[str, int]
    """Those that say how rows are split and weighed, by the key of the config that names each."""


KINDS: dict[str, Kind] = {
    "categorical": "category",
    "numeric": "number",
    "boolean": "boolean",
    "dates": "date",
}
"""The keys of the config that say what columns are."""


def chosen_columns(config: DataConfig, names: Sequence[str], where: str) -> Chosen:
    """The target's columns, the columns to learn from, and what they are said to be.

    Raises:
        InputError: for all names that the config has and the table has not, for a target that is
            also a feature, a column of two kinds, and when no feature is left.
    """
    problems: list[str] = []
    given = config.label if config.label is not None else ()
    labels: list[int] = []
    for label in (given,) if isinstance(given, str) else given:
        with noted(problems):
            labels.append(column_of(label, names, "data.label", where))
    if config.label is None:
        problems.append(
            f"The target column of a table must be named. Set data.label (--label COLUMN) for "
            f"{where}; {names[likely_target(names)]!r} looks like it. Columns can be named by "
            f"number too: 1 is the first, -1 the last.{nearest('label', names)}"
        )
    said: dict[int, str] = {}
    for key in ("ignore", *KINDS):
        for name in getattr(config, key):
            with noted(problems):
                column = column_of(name, names, f"data.{key}", where)
                if column in labels:
                    problems.append(
                        f"data.{key} names feature columns. Given: {name!r}, which is data.label. "
                        "Remove it from one of the two."
                    )
                elif said.setdefault(column, key) != key:
                    problems.append(
                        f"A column is of one kind. data.{said[column]} and data.{key} both name "
                        f"{name!r}. Remove it from one of the two."
                    )
    roles: dict[str, int] = {}
    for key in NO_FEATURES:
        if (name := getattr(config, key)) is None:
            continue
        with noted(problems):
            roles[key] = column_of(name, names, f"data.{key}", where)
            if roles[key] in labels:
                problems.append(
                    f"data.{key} names another column than data.label. Given: {name!r} as both."
                )
            said.setdefault(roles[key], "ignore")  # unless the config says what kind it is
    features = [n for n in range(len(names)) if n not in labels and said.get(n) != "ignore"]
    if not features:
        problems.append(f"A feature column must remain beside the label. {where} has none.")
    raise_all(problems)
    kinds = {column: KINDS[key] for column, key in said.items() if key in KINDS}
    return Chosen(labels, features, kinds, roles)


def as_written(config: DataConfig, names: Sequence[str]) -> set[int]:
    """The columns whose cells are needed as they are written: all that are named but for numbers.

    Names that the table has not are refused elsewhere.
    """
    label = config.label or ()
    named = [
        *((label,) if isinstance(label, str) else label),
        *config.categorical,
        *config.boolean,
        *config.dates,
        *(name for role in ROLES if (name := getattr(config, role)) is not None),
    ]
    return found_of(named, names)


def found_of(named: Sequence[str], names: Sequence[str]) -> set[int]:
    """The positions of those columns, by name or number, that there are."""
    found = set()
    for name in named:
        with suppress(InputError):
            found.add(column_of(name, names, "", ""))
    return found


def column_of(name: str, names: Sequence[str], key: str, where: str) -> int:
    """The position of a column that is named, or numbered from 1 or from the end: -1.

    A name goes before a number.

    Raises:
        InputError: for a column that is not there.
    """
    if name in names:
        return list(names).index(name)
    if re.fullmatch(r"-?[1-9]\d*", name) and abs(int(name)) <= len(names):
        number = int(name)
        return number - 1 if number > 0 else len(names) + number
    raise InputError(
        f"{key} must name a column of the table. {where} has no column {name!r}."
        f"{nearest(name, names)}"
    )


def likely_target(names: Sequence[str]) -> int:
    """The column that is the target, most likely: by its name, or else the last."""
    lower = [name.lower() for name in names]
    return next((lower.index(word) for word in _LIKELY if word in lower), len(names) - 1)


def positions_of(
    wanted: Wanted, names: Sequence[str], named: bool, where: str
) -> dict[int, Column]:
    """The position of each column that a model reads; by their order in a file without names.

    Raises:
        InputError: for all columns that are not there, in one sentence.
    """
    needed = [column.name for column in wanted.columns]
    if not named and (wanted.layout or not set(needed) <= set(names)):
        found = wanted.positions(len(names))
        if found is not None:
            return dict(zip(found, wanted.columns, strict=True))
        orders = wanted.orders
        counts = " or ".join(str(len(order)) for order in orders)
        has = f"{wanted.beside} has" if wanted.beside else "the model reads"
        raise InputError(
            f"A file without names is matched by position. {where} has no names and "
            f"{len(names)} columns, and {has} {counts}: "
            f"{listed(orders[0])}. Give these columns in this order, or a header with these names."
        )
    positions = {name: n for n, name in enumerate(names)}
    if lacking := [name for name in needed if name not in positions]:
        columns = "column" if len(lacking) == 1 else "columns"
        raise InputError(
            f"Rows need every column that {_who(wanted)}. {where} has no {columns} "
            f"{listed([*map(repr, lacking)])}.{nearest_of(lacking, positions)}"
        )
    return {positions[column.name]: column for column in wanted.columns}


def _who(wanted: Wanted) -> str:
    return f"{wanted.beside} has as a feature" if wanted.beside else "the model was trained on"
