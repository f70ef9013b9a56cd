"""Which rows a trial of denoising sees."""

from typing import NamedTuple

import numpy as np

from pipeline.config.task import DenoiseTask
from pipeline.data.measured_rows import MeasuredRows, measured_rows
from pipeline.data.prepared import Prepared
from pipeline.seeds import derive


class NoisyRows(NamedTuple):
    """Rows, and the same with noise."""

    clean: MeasuredRows
    noisy: np.ndarray
    """float32 (rows, features)."""


class DenoisingRows(NamedTuple):
    """The rows of one trial, scaled, float32 (rows, features)."""

    train: np.ndarray
    """Clean."""
    train_noisy: np.ndarray | None
    """The same with their noise; None: it is put on them in training, anew each time."""
    validation: NoisyRows
    """Choose the arm to export, and a reference model's settings."""
    test: NoisyRows
    """Read once, at the end."""
    columns: tuple[int, ...]
    """Of each feature the column that it is of, from 0."""
    image_shape: tuple[int, ...] | None
    """Of a row, where rows are images."""
    sigma: float | None
    """The least standard deviation of Gaussian noise, where that is known."""


def denoising_rows(data: Prepared, seed: int) -> DenoisingRows:
    """The rows of a trial; `seed` draws those that are measured, and their noise."""
    section = data.task.section
    assert isinstance(section, DenoiseTask)
    columns = data.preprocessing.column_of_features

    def noisy(part: np.ndarray, use: str) -> NoisyRows:
        rows = measured_rows(data, part, derive(seed, use))
        if data.noisy is not None:
            return NoisyRows(rows, data.noisy[part[rows.positions]])
        layer = section.noise.as_it_comes(derive(seed, use, "noise"), columns)
        assert layer is not None  # the config refuses none
        return NoisyRows(rows, np.asarray(layer(rows.rows, training=True)))

    splits = data.splits
    return DenoisingRows(
        train=data.rows[splits.pretrain],
        train_noisy=None if data.noisy is None else data.noisy[splits.pretrain],
        validation=noisy(splits.validation, "validation"),
        test=noisy(splits.test, "test"),
        columns=columns,
        image_shape=data.image_shape,
        sigma=None if data.noisy is not None else _deviation(section),
    )


def _deviation(section: DenoiseTask) -> float | None:
    return section.noise.stddev if section.noise.kind == "gaussian" else None
