"""The labels of a source as they were read, before a task makes its target of them."""

from typing import NamedTuple

import numpy as np


class Labels(NamedTuple):
    """One label for each row, or several."""

    values: np.ndarray
    """As they were read, in full precision: (rows,) or, of several labels, (rows, labels)."""
    names: np.ndarray
    """The same as text, of the same shape; "" where there is no label."""
    columns: tuple[str, ...]
    """What several labels are called; empty where a row has one."""
    where: str
    """Opens messages about them."""
