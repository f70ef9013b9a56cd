"""A number for each row that follows from its values, or from its group: equal ones stay together.

No other row, no label and no seed has a part in it, so that a row keeps its own when rows come and
go.
"""

import hashlib
from typing import NamedTuple

import numpy as np

from pipeline.data.rows.streamed import blocks_of
from pipeline.data.source import Source

FEW = 1_000
"""Different rows below which equal ones may be different cases, if most rows have an equal one."""

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


class RowKeys(NamedTuple):
    """Which rows stay together."""

    keys: np.ndarray
    """uint64 (rows,): those of one number."""
    contents: np.ndarray
    """uint64 (rows,): equal where all features are."""
    notes: tuple[str, ...]
    """What was decided, for people."""


def row_keys(source: Source) -> RowKeys:
    """The rows of a group together; without groups, rows whose features are equal.

    Where a table has few possible values most rows have an equal one, though each is a case of its
    own. Then each counts for itself, and a note says so.
    """
    contents = content_digests(source)
    group = source.roles.group
    if group is not None:
        alone = int((group == "").sum())
        note = f"{alone} rows of {source.name} have no group: equal ones of them stay together."
        keys = np.where(group == "", contents, _of_texts(group))
        return RowKeys(keys, contents, (note,) if alone else ())
    distinct, which, counts = np.unique(contents, return_inverse=True, return_counts=True)
    if len(distinct) >= min(FEW, source.rows / 2):
        return RowKeys(contents, contents, ())
    note = (
        f"{source.name} has {len(distinct)} different rows among {source.rows}: equal rows are "
        "taken for different cases, which a split may part. If they are copies, remove them, or "
        "name what they are copies of in data.group."
    )
    return RowKeys(_apart(contents, which, counts), contents, (note,))


def content_digests(source: Source) -> np.ndarray:
    """uint64 (rows,): equal where all features are, whatever type they are stored in."""
    digests = np.zeros(source.rows, np.uint64)
    blocks = blocks_of(source.numbers) if source.numbers.shape[1] else ()
    for start, numbers in blocks:
        part = digests[start : start + len(numbers)]
        for column in numbers.T:
            part[:] = mixed(part, _of_numbers(column))
    for texts in source.categories.T:
        digests = mixed(digests, _of_texts(texts))
    return digests


def mixed(digests: np.ndarray, more: np.ndarray | np.uint64) -> np.ndarray:
    """uint64: the finalizer of SplitMix64 (Steele, Lea & Flood 2014) of both."""
    bits = (digests ^ more) + _STEP
    bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
    bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
    return bits ^ (bits >> np.uint64(31))


def _of_numbers(column: np.ndarray) -> np.ndarray:
    values = np.asarray(column, "<f8") + 0.0  # there is one zero, not two
    values[np.isnan(values)] = np.nan
    return values.view("<u8")


class _Digests(dict[str, int]):
    """The digest of each text, computed once."""

    def __missing__(self, text: str) -> int:
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        return self.setdefault(text, int.from_bytes(digest, "little"))


def _of_texts(texts: np.ndarray) -> np.ndarray:
    digests = _Digests()
    return np.array([digests[text] for text in texts.tolist()], np.uint64)


def _apart(contents: np.ndarray, which: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Another number for each row of equal content, by how many such rows are before it."""
    order = np.argsort(which, kind="stable")
    before = np.empty(len(which), np.uint64)
    before[order] = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.where(before == 0, contents, mixed(contents, before))
