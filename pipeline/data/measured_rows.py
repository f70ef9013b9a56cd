"""Rows that a task without labels is measured on: a sample of them, for measures take long."""

from typing import NamedTuple

import numpy as np

from pipeline.data.prepared import Prepared
from pipeline.data.rows.sample import sample
from pipeline.data.rows.streamed import at
from pipeline.tasks.metric import Predicted

MEASURED = 2_000
"""Rows of a part, at most."""


class MeasuredRows(NamedTuple):
    """Some rows of a part of the data."""

    rows: np.ndarray
    """Scaled features, float32 (rows, features)."""
    targets: np.ndarray
    """As numbers."""
    positions: np.ndarray
    """Where they are in their part (rows,)."""
    weights: np.ndarray | None
    """How much each row of the part counts, float64 (rows of the part,); None: all alike."""
    part_rows: int
    """How many rows the part has."""

    def predicted(self, values: np.ndarray) -> Predicted:
        """What was measured (rows, measures), as of all rows of the part: NaN of the others."""
        found = np.full((self.part_rows, values.shape[1]), np.nan)
        found[self.positions] = values
        return Predicted(found, None, self.weights)


def measured_rows(data: Prepared, part: np.ndarray, seed: int) -> MeasuredRows:
    """Some rows of a part, given by the positions of its rows (rows of the part,)."""
    positions = np.searchsorted(part, sample(part, MEASURED, seed))
    rows = part[positions]
    return MeasuredRows(
        rows=np.asarray(at(data.rows, rows)[:]),
        targets=data.targets[rows],
        positions=positions,
        weights=None if data.weights is None else data.weights[part],
        part_rows=len(part),
    )
