"""Rows taken as normal among which anomalies hide: those that are most likely some are left out."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from pipeline.data.rows.sample import sample
from pipeline.data.rows.streamed import ChosenRows, Rows, blocks_of

FITTED = 100_000
"""Rows that say what is usual, at most."""
DEVIATIONS = 3.0
"""A score so far above the median is no normal row's, where nobody says how many are not."""
OF_NORMAL_SPREAD = 1.4826
"""A standard deviation over the median distance from the median, where scores are spread normally.
"""

Likely = Callable[[Rows | ChosenRows], np.ndarray]
"""From rows (rows, features) to which of them are likely to be normal, bool (rows,)."""


def likely_normal(rows: Rows, contamination: float | Literal["auto"], seed: int) -> Likely:
    """What tells rows that are likely to be normal, where a share of `rows` are not.

    An isolation forest looks at single columns, so that anomalies which are like one another do not
    vouch for each other as they do by their distance (docs/anomalies.md). `auto` leaves out what
    its score puts three robust deviations above the median.

    Sources: Liu, Ting and Zhou, "Isolation Forest" (2008); the robust deviation, Leys et al.,
    "Detecting outliers: Do not use standard deviation around the mean" (2013).
    """
    from sklearn.ensemble import IsolationForest

    fitted = sample(rows, FITTED, seed)
    forest = IsolationForest(random_state=seed).fit(fitted)
    scores = -forest.score_samples(fitted)
    if contamination == "auto":
        median = np.median(scores)
        most = median + DEVIATIONS * OF_NORMAL_SPREAD * np.median(np.abs(scores - median))
    else:
        most = np.quantile(scores, 1 - contamination)

    def likely(others: Rows | ChosenRows) -> np.ndarray:
        found = [-forest.score_samples(block) <= most for _, block in blocks_of(others)]
        return np.concatenate(found)

    return likely
