"""What to look at in rows before a result on them is believed: leaks, imbalance, repetitions."""

from collections.abc import Iterator

import numpy as np

from pipeline.counting import counted
from pipeline.data.rows.sample import sample
from pipeline.data.source import Source
from pipeline.data.sources.tables.sql import BOOLEANS
from pipeline.data.splits import Split
from pipeline.tasks.classification import RARE

FEW = 1_000
"""Labelled rows below which one test split is luck."""
LOOKED_AT = 20_000
"""Rows of a random sample in which columns are looked at."""
FIRST = 500
"""Of them, which rule most columns out."""
SAME = 0.9999
"""Of a number that says another: the absolute correlation."""


def to_watch(source: Source, split: Split | None) -> list[str]:
    """Sentences for people, none where there is nothing to say."""
    return [
        *_few(source),
        *_rare(source),
        *_alike(source),
        *_repeated(source, split),
        *_giving_away(source),
    ]


def _few(source: Source) -> Iterator[str]:
    labelled = int(source.labelled.sum())
    if 0 < labelled < FEW:
        verb = "is" if labelled == 1 else "are"
        yield (
            f"There {verb} {counted(labelled, 'labelled row')}: figures on their test rows vary "
            "by chance. data.resplit: true splits them anew for each seed."
        )


def _rare(source: Source) -> Iterator[str]:
    if source.target is None or source.target.dtype.kind != "U" or source.target.ndim != 1:
        return
    names, counts = np.unique(source.target[source.labelled], return_counts=True)
    if len(names) < 2:
        return
    rare = names[counts < RARE * counts.sum() / len(names)]
    if len(rare):
        name, count = str(names[counts.argmin()]), counts.min()
        yield (
            f"{len(rare)} of {len(names)} classes are rare, such as {name!r} with {count:,} of "
            f"{counts.sum():,} labels: accuracy says little about them."
        )


def _alike(source: Source) -> Iterator[str]:
    """Classes that differ in case, or in how truth is spelt, alone."""
    if source.target is None or source.target.dtype.kind != "U" or source.target.ndim != 1:
        return
    alike: dict[object, list[str]] = {}
    for name in np.unique(source.target[source.labelled]).tolist():
        truth = BOOLEANS.get(name.lower())
        alike.setdefault(name.lower() if truth is None else truth, []).append(name)
    for names in alike.values():
        if len(names) > 1:
            yield (
                f"Classes {', '.join(map(repr, names))} differ in case or in how truth is spelt "
                "alone: are they one? Then write them alike."
            )


def _repeated(source: Source, split: Split | None) -> Iterator[str]:
    """Rows that are there more than once."""
    if split and split.repeated:
        yield f"{split.repeated:,} of {source.rows:,} rows repeat another one exactly."


def _giving_away(source: Source) -> Iterator[str]:
    """Columns that alone predict the target."""
    if source.target is None or source.target.ndim != 1 or not source.labelled.any():
        return
    rows = sample(np.flatnonzero(source.labelled), LOOKED_AT, seed=0)
    target = source.target[rows]
    if len(np.unique(target)) < 2:
        return
    numbers = np.asarray(source.numbers[rows], np.float64)
    found = []
    for name, values in zip(source.number_names, numbers.T, strict=True):
        if _number_gives_away(values, target):
            found.append(name)
    for name, words in zip(source.category_names, source.categories[rows].T, strict=True):
        if _category_gives_away(words, target):
            found.append(name)
    for name in found:
        yield (
            f"Column {name!r} alone tells the target of every row. If it is known only afterwards, "
            "leave it out with data.ignore."
        )


def _number_gives_away(values: np.ndarray, target: np.ndarray) -> bool:
    there = ~np.isnan(values)
    values, target = values[there], target[there]
    if len(values) < 20 or values.min() == values.max():
        return False
    if target.dtype.kind != "U":
        if np.ptp(target) == 0:
            return False
        return bool(abs(np.corrcoef(values, target)[0, 1]) > SAME)
    return all(_parts(values[:rows], target[:rows]) for rows in (FIRST, len(values)))


def _parts(values: np.ndarray, target: np.ndarray) -> bool:
    """Whether each class has a range of its own."""
    order = np.argsort(values, kind="stable")
    sorted_target = target[order]
    changes = sorted_target[1:] != sorted_target[:-1]
    between_equals = values[order][1:] == values[order][:-1]
    return bool(
        changes.sum() == len(np.unique(target)) - 1 and not (changes & between_equals).any()
    )


def _category_gives_away(words: np.ndarray, target: np.ndarray) -> bool:
    if target.dtype.kind != "U":
        return False
    values = np.unique(words)
    pairs = len(np.unique(np.char.add(np.char.add(words, "\0"), target)))
    return 1 < len(values) <= len(words) / 10 and pairs == len(values)
