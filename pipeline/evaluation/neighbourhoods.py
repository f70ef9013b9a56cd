"""Whether rows keep their neighbours in few dimensions.

Source: Venna and Kaski, "Neighborhood preservation in nonlinear projection methods" (2001). The
same figures as scikit-learn's `trustworthiness`, which tells no row's part in them.
"""

import numpy as np
from scipy.spatial.distance import cdist

NEIGHBOURS = 10


def order_of_neighbours(rows: np.ndarray) -> np.ndarray:
    """Of each row (rows, features) the others' positions, the nearest first, and its own last."""
    distances = cdist(rows, rows)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1, kind="stable")


def trustworthiness(order: np.ndarray, of_reduced: np.ndarray) -> np.ndarray:
    """Of each row whether its neighbours among the reduced rows are some among the rows, to 1.

    Both orders are (rows, rows). With the two exchanged it is continuity. NaN where rows are too
    few: twenty and more.
    """
    number, nearest = len(order), NEIGHBOURS
    if number < 2 * nearest:
        return np.full(number, np.nan)
    ranks = np.empty((number, number), np.int32)
    np.put_along_axis(ranks, order, np.arange(1, number + 1, dtype=np.int32)[None], axis=1)
    near = np.take_along_axis(ranks, of_reduced[:, :nearest], axis=1)
    too_far = np.maximum(near - nearest, 0).sum(axis=1)
    return 1 - too_far * 2 / (nearest * (2 * number - 3 * nearest - 1))
