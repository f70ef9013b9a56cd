"""Validation and test rows that do not depend on labels: marked, the latest, or by each row's key.

A row that is held out by its key stays so when others come or go.
"""

from typing import NamedTuple

import numpy as np

from pipeline.config.data import DataConfig
from pipeline.data.source import Source
from pipeline.data.splitting.row_keys import mixed
from pipeline.errors import InputError

STABLE_ROWS = 2_000
"""Of a file from which on rows are held out by their keys, unless the config says otherwise."""
LISTED = 5

_TEST, _VALIDATION, _LEARNING = np.uint64(0x7E57), np.uint64(0x7A11), np.uint64(0x1EA2)
"""Salts: fixed, so that no other run holds out other rows."""
NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""What a column that says it calls the parts, in whatever case."""


class HeldOut(NamedTuple):
    """Rows with and without a label, bool (rows,); None where they are still to be drawn."""

    test: np.ndarray | None = None
    validation: np.ndarray | None = None

    @property
    def drawn(self) -> bool:
        """Whether rows are still to be drawn."""
        return self.test is None or self.validation is None


def marked(source: Source, config: DataConfig, labelled: np.ndarray) -> HeldOut:
    """What the source itself says: by its own test rows, by data.split or by data.time.

    Raises:
        InputError: for other words than the parts' in data.split, and for too few moments.
    """
    if source.roles.part is not None:
        return _named(source.roles.part, config.split, source.name)
    if source.roles.time is not None:
        return _latest(source.roles.time, labelled, config, source.name)
    if source.test is not None and source.test.any():
        return HeldOut(test=source.test)
    return HeldOut()


def by_key(held: HeldOut, keys: np.ndarray, config: DataConfig) -> HeldOut:
    """The same, with rows held out by their keys where none are yet."""
    test = held.test
    if test is None:
        test = _lowest(keys, _TEST, config.test)
        if held.validation is not None:
            test &= ~held.validation
    validation = held.validation
    if validation is None:
        validation = _lowest(keys, _VALIDATION, config.validation) & ~test
    return HeldOut(test, validation)


def lots(keys: np.ndarray) -> np.ndarray:
    """A number of each row's own from 0 to 1, float64 (rows,), for other uses than holding out."""
    return mixed(keys, _LEARNING) / 2.0**64


def is_stable(config: DataConfig, rows: int) -> bool:
    """Whether rows are held out by their keys."""
    if config.resplit:
        return False
    if config.holdout != "auto":
        return config.holdout == "stable"
    shares = isinstance(config.test, float) and isinstance(config.validation, float)
    return shares and rows >= STABLE_ROWS


def _lowest(keys: np.ndarray, salt: np.uint64, share: int | float) -> np.ndarray:
    """The share of the keys that a salt puts lowest, on average."""
    return mixed(keys, salt) < np.uint64(share * 2.0**64)


def _named(parts: np.ndarray, column: str | None, where: str) -> HeldOut:
    words = {str(word): NAMES.get(str(word).lower()) for word in np.unique(parts)}
    other = [word for word, part in words.items() if part is None]
    if other:
        raise InputError(
            f"data.split names a column that says train, validation or test of every row. {column} "
            f"of {where} says {', '.join(map(repr, other[:LISTED]))}. Correct it."
        )
    named = {
        part: np.isin(parts, [word for word, meant in words.items() if meant == part])
        for part in ("test", "validation")
    }
    return HeldOut(*(mask if mask.any() else None for mask in named.values()))


def _latest(times: np.ndarray, labelled: np.ndarray, config: DataConfig, where: str) -> HeldOut:
    """The latest rows test, the ones before validate, and rows of one moment are not parted."""
    known = labelled & ~np.isnan(times)
    moments = np.unique(times[known])
    if len(moments) < 3:
        raise InputError(
            "data.time must tell three moments apart at least, to train, validate and test on. "
            f"The labelled rows of {where} have {len(moments)}. Leave it out."
        )
    tested_from = _moment(times[known], config.test, 2)
    earlier = known & (times < tested_from)
    validated_from = _moment(times[earlier], config.validation, 1)
    return HeldOut(times >= tested_from, (times >= validated_from) & (times < tested_from))


def _moment(times: np.ndarray, wanted: int | float, before: int) -> float:
    """The moment from which on there are as many rows as wanted, or nearly.

    So many other moments are `before` it.
    """
    moments, counts = np.unique(times, return_counts=True)
    rows = wanted if isinstance(wanted, int) else wanted * len(times)
    from_each = np.cumsum(counts[::-1])[::-1]
    return float(moments[before + np.argmin(np.abs(from_each[before:] - rows))])
