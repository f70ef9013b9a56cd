"""The rows that are least like normal ones, and why."""

from collections.abc import Sequence

import numpy as np

from pipeline.evaluation.reasons import because
from pipeline.report.section import TableSection
from pipeline.report.tables import TextTable
from pipeline.tasks.anomaly import P_VALUE, SCORE, SHARES

LISTED = 10


def unusual_rows(
    outputs: np.ndarray, positions: np.ndarray, anomalies: np.ndarray, columns: Sequence[str]
) -> TableSection:
    """A table of the rows of the greatest scores, with the columns that make most of each.

    `outputs` are the detector's (rows, 3 + columns), `positions` (rows,) where the rows are in
    their source, from 0, and `anomalies` (rows,) whether they are known to be some.
    """
    first = np.argsort(-outputs[:, SCORE], kind="stable")[:LISTED]
    why = because(outputs[first, SHARES:], columns)["because"]
    known = bool(anomalies.any())
    lines = [
        (
            f"{positions[row] + 1:,}",
            f"{outputs[row, SCORE]:.2f}",
            f"{outputs[row, P_VALUE]:.3g}",
            *(("anomaly" if anomalies[row] else "normal",) if known else ()),
            reason,
        )
        for row, reason in zip(first, why, strict=True)
    ]
    heading = ("row", "score", "p-value", *(("known as",) if known else ()), "because")
    return TableSection(
        "The most unusual test rows",
        "Of the exported detector. The p-value is the share of normal rows, held out of training, "
        "whose score is as great or greater; the per cent are each column's share of what is "
        "unusual in the row.",
        TextTable("", heading, lines),
    )
