"""The rows that are least like normal ones, and why."""

from collections.abc import Sequence

import numpy as np

from pipeline.evaluation.reasons import because
from pipeline.report import figures
from pipeline.report.section import Section, TableSection, png
from pipeline.report.tables import TextTable
from pipeline.tasks.anomaly import P_VALUE, SCORE, SHARES

LISTED = 10
PICTURED = 16


def unusual_images(outputs: np.ndarray, rows: np.ndarray, image_shape: tuple[int, ...]) -> Section:
    """The rows (rows, features), in their own units, of the greatest scores as pictures.

    `outputs` are the detector's (rows, 3 + columns), of which every column is of one pixel.
    """
    first = np.argsort(-outputs[:, SCORE], kind="stable")[:PICTURED]
    shares = outputs[first, SHARES:]
    # One bright pixel would leave all others dark.
    shown = np.minimum(shares, np.quantile(shares, 0.99, axis=1, keepdims=True))
    images = np.concatenate([rows[first], shown]).reshape(-1, *image_shape)
    words = (
        "Above the test rows of the greatest scores, the greatest first; below each, the brighter "
        "a pixel the greater its share of what is unusual."
    )
    return Section(
        "unusual",
        "The most unusual test rows as pictures",
        f"Of the exported detector. {words}",
        words,
        png(figures.image_grid(images, len(first))),
        picture=True,
    )


def alarms(outputs: np.ndarray, anomalies: np.ndarray, rate: float) -> TableSection:
    """How many of normal rows, and of known `anomalies` (rows,), are called anomalies.

    `outputs` are the detector's (rows, 3 + columns), `rate` is the one of false alarms that may be.
    """
    called = outputs[:, P_VALUE] <= rate
    kinds = {"normal": ~anomalies, "anomaly": anomalies}
    lines: list[tuple[str, ...]] = [
        (kind, f"{rows.sum():,}", f"{called[rows].sum():,}", f"{called[rows].mean():.1%}")
        for kind, rows in kinds.items()
        if rows.any()
    ]
    return TableSection(
        "Alarms",
        f"Of the exported detector on test rows, where {rate:.3g} of normal rows may be called "
        "anomalies (task.false_alarms), on average over such rows as were held out. Rows without a "
        "label count as normal.",
        TextTable("", ("known as", "rows", "called anomalies", "share"), lines),
    )


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
