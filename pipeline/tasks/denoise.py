"""Rows as they are without the noise that comes with them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.config.task import DenoiseTask
from pipeline.tasks.decision import Decision
from pipeline.tasks.denoising_metrics import METRICS
from pipeline.tasks.labels import Labels
from pipeline.tasks.metric import Choice
from pipeline.tasks.task import Coding
from pipeline.tasks.unlabelled import Unlabelled

DENOISED = "denoised"
"""What an exported model calls rows without noise, in raw units."""


class Denoise(Unlabelled):
    """A target is read and not used."""

    metrics = METRICS
    gives = "rows"
    scaling = "standard"  # where noise is as strong everywhere
    training = "Denoising"
    drawing = (
        "No label trains anything: noise is put on test rows, and scores tell how much is taken "
        "off again."
    )
    section: DenoiseTask

    def target(self, labels: Labels) -> np.ndarray:
        return self.without_labels(len(labels.values))

    def numbers(
        self, target: np.ndarray, columns: Sequence[str]
    ) -> tuple[tuple[str, ...], np.ndarray]:
        return (), target

    def describe(self, target: np.ndarray, columns: Sequence[str]) -> dict[str, Any]:
        return {"classes": None, "target_range": None}

    def target_text(self, names: Sequence[str]) -> str:
        return "noise to take off"

    def choose_metric(self, target: np.ndarray) -> Choice:
        return Choice("snr")

    def serve(
        self, outputs: Any, names: Sequence[str], coding: Coding, decision: Decision
    ) -> dict[str, Any]:
        return {DENOISED: outputs}

    def output_columns(self, names: Sequence[str], columns: Sequence[str]) -> dict[str, list[str]]:
        return {DENOISED: list(columns)}
