"""What a person would set in the config after a look at the rows, with the reason for each."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from pipeline.config.data import ROLES, DataConfig
from pipeline.counting import counted
from pipeline.data.source import Source
from pipeline.data.splitting.held_out import NAMES
from pipeline.data.watch import FEW

_OF_SEVERAL_ROWS = re.compile(
    r"(patient|subject|participant|person|user|customer|client|household)"
    r"(s|[ _.-]?(id|no|nr|number|key|code))?",
    re.IGNORECASE,
)
"""What a column is called that says which rows are of one thing."""


class Proposal(NamedTuple):
    """A value for a key of the config, such as data.group, and why."""

    key: str
    value: Any
    why: str


def proposals(source: Source, config: DataConfig) -> list[Proposal]:
    """What to set beside what the config says already; nothing that the defaults do anyway."""
    found = list(_how_to_split(source, config))
    fixed = any(proposal.key == "data.split" for proposal in found)
    return found if fixed else [*found, *_how_often(source, config)]


def _how_often(source: Source, config: DataConfig) -> Iterator[Proposal]:
    """Anew for each seed where few rows have a label and nothing says which of them are to test."""
    given = "resplit" in config.model_fields_set or config.split or config.time
    fixed = given or config.holdout == "stable" or source.test is not None
    labelled = int(source.labelled.sum())
    if not fixed and 0 < labelled < FEW:
        yield Proposal(
            "data.resplit", True, f"{counted(labelled, 'labelled row')}: one test split is luck"
        )


def _how_to_split(source: Source, config: DataConfig) -> Iterator[Proposal]:
    """One column at most, and none where one is named."""
    if any(getattr(config, key) for key in ROLES):
        return
    for name, words in zip(source.category_names, source.categories.T, strict=True):
        parts = {NAMES.get(str(word).lower()) for word in np.unique(words)}
        if None not in parts and {"train", "test"} <= parts:
            yield Proposal("data.split", name, f"every cell of {name!r} names a part")
            return
    for name in source.number_names + source.category_names:
        if _OF_SEVERAL_ROWS.fullmatch(name) and (distinct := _repeated(source, name)):
            why = f"{name!r} has {distinct:,} values in {source.rows:,} rows"
            yield Proposal("data.group", name, f"{why}: no group belongs on two sides of a split")
            return


def _repeated(source: Source, name: str) -> int:
    """How many values a column has, where they are at least three and most occur again; else 0."""
    if name in source.category_names:
        values = source.categories[:, source.category_names.index(name)]
    else:
        place = source.number_names.index(name)
        values = np.concatenate([block[:, place] for _, block in source.number_blocks()])
    counts = np.unique(values, return_counts=True)[1]
    return len(counts) if len(counts) >= 3 and np.median(counts) > 1 else 0
