"""The tasks that ask for no label: the rows, the training and the reference models of each."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pipeline.data.denoising_rows import denoising_rows
from pipeline.data.detection_rows import detection_rows
from pipeline.data.embedding_rows import embedding_rows
from pipeline.data.prepared import Prepared
from pipeline.evaluation.denoisers import fit_denoiser
from pipeline.evaluation.detectors import fit_detector
from pipeline.evaluation.measured import Measured
from pipeline.evaluation.reducers import fit_reducer
from pipeline.training.deep.denoise import denoise
from pipeline.training.deep.detect import detect
from pipeline.training.deep.embed import embed
from pipeline.training.deep.outcome import DeepOutcome


class DeepTask(NamedTuple):
    """What is done for a task."""

    rows: Callable[[Prepared, int, int], Any]
    """The rows of a trial, drawn by a seed, with so many labels."""
    train: Callable[..., DeepOutcome]
    """An arm, on them."""
    fit: Callable[..., Measured]
    """A reference model, on them."""


DEEP_TASKS = {
    "anomaly": DeepTask(detection_rows, detect, fit_detector),
    "denoise": DeepTask(lambda data, seed, _: denoising_rows(data, seed), denoise, fit_denoiser),
    "embed": DeepTask(lambda data, seed, _: embedding_rows(data, seed), embed, fit_reducer),
}
