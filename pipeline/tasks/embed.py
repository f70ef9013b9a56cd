"""Rows in few dimensions, in which those that are alike stay together."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.config.task import EmbedTask
from pipeline.errors import InputError
from pipeline.tasks.decision import Decision
from pipeline.tasks.embedding_metrics import METRICS
from pipeline.tasks.labels import Labels
from pipeline.tasks.metric import Choice
from pipeline.tasks.task import Coding
from pipeline.tasks.unlabelled import Unlabelled

EMBEDDING = "embedding"
"""What an exported model calls rows in few dimensions."""
NO_CLASS = -1


class Embed(Unlabelled):
    """Targets are classes by name, "" where a row has none; numbers their positions, or -1."""

    metrics = METRICS
    gives = "code"
    training = "Embedding"
    drawing = "No label trains anything: classes tell whether rows that are alike are so."
    section: EmbedTask

    def target(self, labels: Labels) -> np.ndarray:
        names = labels.names
        if names.ndim != 1:
            raise InputError(
                f"A row has one class. {labels.where} has labels of shape {names.shape}. Name one "
                "column, or leave data.label out."
            )
        return names

    def without_labels(self, rows: int) -> np.ndarray:
        return np.zeros(rows, "U1")

    def numbers(
        self, target: np.ndarray, columns: Sequence[str]
    ) -> tuple[tuple[str, ...], np.ndarray]:
        names = np.unique(target[target != ""])
        found = np.searchsorted(names, target)
        return tuple(names.tolist()), np.where(target == "", NO_CLASS, found).astype("int32")

    def describe(self, target: np.ndarray, columns: Sequence[str]) -> dict[str, Any]:
        names, counts = np.unique(target[target != ""], return_counts=True)
        classes = dict(zip(names.tolist(), counts.tolist(), strict=True))
        return {"classes": classes or None, "target_range": None}

    def target_text(self, names: Sequence[str]) -> str:
        return f"{len(names)} classes to keep together" if names else "to be put in few dimensions"

    def choose_metric(self, target: np.ndarray) -> Choice:
        """Where there are no classes, whether neighbours are neighbours."""
        known = target[target != NO_CLASS]
        return Choice("neighbour_accuracy" if len(np.unique(known)) > 1 else "trustworthiness")

    def serve(
        self, outputs: Any, names: Sequence[str], coding: Coding, decision: Decision
    ) -> dict[str, Any]:
        return {EMBEDDING: outputs}

    def output_columns(self, names: Sequence[str], columns: Sequence[str]) -> dict[str, list[str]]:
        return {EMBEDDING: list(columns)}
