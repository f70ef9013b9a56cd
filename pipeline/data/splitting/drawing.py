"""Rows drawn at random, by class, without parting those that stay together."""

import numpy as np

from pipeline.errors import InputError


def draw(
    strata: np.ndarray,
    keys: np.ndarray,
    wanted: int | float,
    keep: int,
    key: str,
    rng: np.random.Generator,
) -> np.ndarray:
    """Positions, int64 ascending, of the rows held out for `key`, a part of the config.

    Strata are drawn in their shares. Rows of one of the `keys` (rows,) are drawn together; `keep`
    such units of each stratum stay behind, and of a stratum that has no more, all do.

    Raises:
        InputError: with too few rows, or for a number that they do not allow.
    """
    of_unit, unit, sizes = _units(strata, keys)
    names, counts = np.unique(of_unit, return_counts=True)
    if counts.max() <= keep:
        each = " of each class" if len(names) > 1 else ""
        once = "" if len(sizes) == len(strata) else " (rows that stay together count once)"
        raise InputError(
            f"There must be {keep + 1} labelled rows{each} at least{once}: one for each part that "
            f"is held out and one to train on. Given: {counts.max()}. Add rows."
        )
    least = int((counts > keep).sum())
    most = len(strata) - int(np.minimum(counts, keep).sum())
    rows = wanted if isinstance(wanted, int) else round(wanted * len(strata))
    if isinstance(wanted, float):
        rows = min(max(rows, least), most)
    if not least <= rows <= most:
        raise InputError(
            f"{key} must leave rows of each class to train on and hold one of each out: from "
            f"{least} to {most} of the {len(strata)} labelled rows. Given: {wanted}."
        )
    chosen = _first_that_fit(stratified_order(of_unit, keep, rng), sizes, rows)
    return np.flatnonzero(np.isin(unit, chosen))


def stratified_order(strata: np.ndarray, keep: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of all but `keep` of each stratum, in an order whose every beginning has the strata
    in their shares, one of each first.

    Number i (from 0) of a shuffled stratum of n comes at (i + 1/2) / n: the divisor method of
    Webster and Sainte-Lague, in which no stratum loses a seat when there is one more to give.
    """
    names, members = np.unique(strata, return_inverse=True)
    order, rank = [], []
    for member in range(len(names)):
        shuffled = rng.permutation(np.flatnonzero(members == member))
        places = (np.arange(len(shuffled)) + 0.5) / len(shuffled)
        places[0] = 0
        drawn = max(0, len(shuffled) - keep)
        order.append(shuffled[:drawn])
        rank.append(places[:drawn])
    positions = np.concatenate(order)
    chance = rng.spawn(1)[0].random(len(positions))  # among strata of one size
    return positions[np.lexsort((chance, np.concatenate(rank)))]


def _units(strata: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows that stay together are one unit: its stratum, the unit of each row, and its rows.

    Units are numbered by their first rows, whose stratum they have.
    """
    _, first, unit, sizes = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    by_first = np.argsort(first)
    number = np.empty(len(first), np.int64)
    number[by_first] = np.arange(len(first))
    return strata[first[by_first]], number[unit], sizes[by_first]


def _first_that_fit(order: np.ndarray, sizes: np.ndarray, rows: int) -> list[int]:
    """The first units whose rows are so many together; if none fits, the smallest."""
    chosen, taken = [], 0
    for unit in order.tolist():
        if taken + sizes[unit] <= rows:
            chosen.append(unit)
            taken += sizes[unit]
        if taken == rows:
            break
    return chosen or [int(order[np.argmin(sizes[order])])]
