"""How near rows are to what they were before noise was put on them."""

import numpy as np

from pipeline.data.denoising_rows import NoisyRows
from pipeline.tasks.denoising_metrics import ERROR, POWER, PSNR, SSIM
from pipeline.tasks.metric import Predicted

LEAST_SIDE = 7
"""Of an image whose structural similarity is measured, in windows of seven pixels."""


def near(
    part: NoisyRows, given: np.ndarray, mean: np.ndarray, image_shape: tuple[int, ...] | None
) -> Predicted:
    """What was measured of each row of a part, for which a model gives `given` (rows, features).

    `mean` (features,) is that of training rows. PSNR and SSIM are of images scaled to [0, 1].
    """
    clean = part.clean.rows
    values = np.full((len(clean), 4), np.nan)
    values[:, ERROR] = np.square(clean - given).sum(axis=1)
    values[:, POWER] = np.square(clean - mean).sum(axis=1)
    if image_shape is not None:
        error = np.maximum(values[:, ERROR] / clean.shape[1], 1e-12)
        values[:, PSNR] = -10 * np.log10(error)
        if min(image_shape[:2]) >= LEAST_SIDE:
            values[:, SSIM] = [
                _similarity(one.reshape(image_shape), other.reshape(image_shape))
                for one, other in zip(clean, given, strict=True)
            ]
    return part.clean.predicted(values, part.all_rows)


def _similarity(clean: np.ndarray, given: np.ndarray) -> float:
    from skimage.metrics import structural_similarity

    colours = -1 if clean.ndim == 3 else None
    return float(structural_similarity(clean, given, data_range=1.0, channel_axis=colours))
