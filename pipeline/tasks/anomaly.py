"""Rows unlike those that the stack learned from."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.config.task import AnomalyTask
from pipeline.errors import InputError, nearest
from pipeline.tasks.decision import Decision
from pipeline.tasks.detection_metrics import METRICS, RECONSTRUCTION
from pipeline.tasks.labels import Labels
from pipeline.tasks.metric import Choice
from pipeline.tasks.task import Coding
from pipeline.tasks.unlabelled import Unlabelled

NORMAL, ANOMALY = "normal", "anomaly"
"""What rows are called."""
SCORE, ERROR, P_VALUE, SHARES = 0, 1, 2, 3
"""Where a detector's outputs (rows, 3 + columns) have the score, the reconstruction error and the
p-value, and where the columns' shares begin."""
OF_COLUMNS = "shares"
"""What an exported model calls these shares."""
LEAST = 3
"""Anomalies that rows are drawn by, one for each part; fewer are left to chance."""


class Anomaly(Unlabelled):
    """Targets and numbers are 1 for an anomaly and 0 for a row that is taken as normal.

    So is a row without a label, and it is tested as such.
    """

    metrics = METRICS
    scaling = "standard"  # by their quantiles, rows that lie far out would not
    training = "Detection"
    drawing = (
        "Labels tell how well scores part anomalies from normal rows; none trains anything, but "
        "those of known anomalies where a label budget has some."
    )
    section: AnomalyTask

    def target(self, labels: Labels) -> np.ndarray:
        """int32 (rows,)."""
        names = labels.names
        if names.ndim != 1:
            raise InputError(
                f"A row has one label. {labels.where} has labels of shape {names.shape}. Give an "
                "array of shape (rows,)."
            )
        return (names == self._anomalous(names, labels.where)).astype("int32")

    def pretrains(self, target: np.ndarray) -> np.ndarray:
        """Only rows that are taken as normal."""
        return target == 0

    def learns_from(self, target: np.ndarray, free: np.ndarray, lots: np.ndarray) -> np.ndarray:
        """Where known anomalies train: half of them, or as many as are asked for."""
        wanted = max(self.section.labelled_anomalies, default=0)
        if not wanted:
            return super().learns_from(target, free, lots)
        anomalies = np.flatnonzero(free & (target == 1))
        number = max(wanted, int((lots[anomalies] < 0.5).sum()))
        learns = np.zeros(len(target), bool)
        learns[anomalies[np.argsort(lots[anomalies], kind="stable")[:number]]] = True
        return learns

    def check(self, target: np.ndarray, columns: Sequence[str], where: str) -> None:
        if target.all():
            raise InputError(
                f"An anomaly is told from normal rows. All training rows of {where} are anomalies. "
                "Add normal rows, or correct task.anomaly."
            )

    def strata(self, target: np.ndarray) -> np.ndarray:
        return target if target.sum() >= LEAST else np.zeros_like(target)

    def numbers(
        self, target: np.ndarray, columns: Sequence[str]
    ) -> tuple[tuple[str, ...], np.ndarray]:
        return (), target

    def describe(self, target: np.ndarray, columns: Sequence[str]) -> dict[str, Any]:
        anomalies = int(target.sum())
        counts = {NORMAL: len(target) - anomalies, ANOMALY: anomalies}
        return {"classes": counts, "target_range": None}

    def target_text(self, names: Sequence[str]) -> str:
        return "anomalies to find"

    def choose_metric(self, target: np.ndarray) -> Choice:
        """Where no anomaly is known, how well other normal rows are reconstructed."""
        return Choice("auroc" if target.sum() >= LEAST else RECONSTRUCTION)

    def predictions(self, outputs: np.ndarray) -> np.ndarray:
        """Score and reconstruction error of each row, the first two outputs."""
        return outputs[:, [SCORE, ERROR]]

    def serve(
        self, outputs: Any, names: Sequence[str], coding: Coding, decision: Decision
    ) -> dict[str, Any]:
        """Of each row its score, p-value and label, and each column's share of the score."""
        import tensorflow as tf

        p_value = outputs[:, P_VALUE]
        called = tf.cast(p_value <= self.section.false_alarms, tf.int32)
        return {
            "score": outputs[:, SCORE],
            "p_value": p_value,
            "label": tf.gather(tf.constant([NORMAL, ANOMALY]), called),
            OF_COLUMNS: outputs[:, SHARES:],
        }

    def output_columns(self, names: Sequence[str], columns: Sequence[str]) -> dict[str, list[str]]:
        return {
            "score": ["score"],
            "p_value": ["p_value"],
            "label": ["label"],
            OF_COLUMNS: list(columns),
        }

    def _anomalous(self, names: np.ndarray, where: str) -> str:
        """The label that means an anomaly."""
        given, counts = np.unique(names[names != ""], return_counts=True)
        wanted = self.section.anomaly
        if wanted is not None:
            if wanted not in given:
                raise InputError(
                    f"task.anomaly must be a label of {where}. Given: {wanted!r}."
                    f"{nearest(wanted, given.tolist())}"
                )
            return wanted
        if len(given) == 1 and counts[0] < len(names):
            return str(given[0])
        if len(given) == 2 and counts[0] != counts[1]:
            return str(given[counts.argmin()])
        raise InputError(
            f"Which rows are anomalies cannot be told from the {len(given)} labels of {where}. "
            "Name that of anomalies in task.anomaly; without any labels leave data.label out."
        )
