"""Images of digits as the rows of trials without labels."""

import numpy as np
from sklearn.datasets import load_digits

from pipeline.data.denoising_rows import DenoisingRows, NoisyRows
from pipeline.data.embedding_rows import EmbeddingRows
from pipeline.data.measured_rows import MeasuredRows

TRAIN, VALIDATION, TEST = slice(0, 600), slice(600, 700), slice(700, 900)
DEVIATION = 0.3


def _part(rows: slice) -> MeasuredRows:
    images, digits = load_digits(return_X_y=True)
    # They come writer by writer.
    drawn = np.random.default_rng(0).permutation(len(images))[rows]
    found = (images[drawn] / 16).astype("float32")
    return MeasuredRows(
        found, digits[drawn].astype("int32"), np.arange(len(found)), None, len(found)
    )


def noisy_digits() -> DenoisingRows:
    """600 train; 100 validate and 200 test, with Gaussian noise."""

    def noisy(rows: slice, seed: int) -> NoisyRows:
        clean = _part(rows)
        noise = np.random.default_rng(seed).normal(0, DEVIATION, clean.rows.shape)
        return NoisyRows(clean, (clean.rows + noise).astype("float32"))

    columns = tuple(range(64))
    train = _part(TRAIN).rows
    return DenoisingRows(
        train, None, noisy(VALIDATION, 1), noisy(TEST, 2), columns, (8, 8), DEVIATION
    )


def digits_to_embed() -> EmbeddingRows:
    """600 train, and are the neighbours; 100 validate and 200 test."""
    train = _part(TRAIN)
    return EmbeddingRows(train.rows, train.rows, train.targets, _part(VALIDATION), _part(TEST))
