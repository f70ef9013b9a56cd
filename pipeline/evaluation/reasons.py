"""Which columns make a row unusual, in words."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

NAMED = 3


def because(shares: np.ndarray, columns: Sequence[str]) -> pd.DataFrame:
    """The columns of the greatest shares (rows, columns), one text for each row: `because`."""
    most = np.argsort(-shares, axis=1, kind="stable")[:, :NAMED]
    names = np.asarray(columns, object)[most]
    percent = np.take_along_axis(shares, most, axis=1)
    texts = [
        ", ".join(f"{name} {share:.0%}" for name, share in zip(*row, strict=True))
        for row in zip(names, percent, strict=True)
    ]
    return pd.DataFrame({"because": texts})
