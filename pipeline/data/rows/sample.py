"""One seeded random sample, wherever some rows speak for all of them."""

import numpy as np

from pipeline.data.rows.streamed import Rows


def sample(rows: Rows, number: int, seed: int) -> np.ndarray:
    """`number` of the rows, drawn without replacement, in their order and in memory.

    All of them where there are no more. Never the first ones: a file may be sorted, by class or by
    time.
    """
    if number >= len(rows):
        return rows[:]
    drawn = np.random.default_rng(seed).choice(len(rows), number, replace=False)
    return rows[np.sort(drawn)]
