"""How near rows are to what they were before noise was put on them."""

import numpy as np

from pipeline.data.denoising_rows import DenoisingRows, NoisyRows
from pipeline.tasks.denoising_metrics import ERROR, POWER, PSNR, SSIM
from pipeline.tasks.metric import Predicted

LEAST_SIDE = 7
"""Of an image whose structural similarity is measured, in windows of seven pixels."""


def near(part: NoisyRows, given: np.ndarray, parts: DenoisingRows) -> Predicted:
    """What was measured of each row of a part, for which a model gives `given` (rows, features).

    The mean and, for PSNR and SSIM, the range of values are those of the training rows.
    """
    clean, image_shape = part.clean.rows, parts.image_shape
    values = np.full((len(clean), 4), np.nan)
    values[:, ERROR] = np.square(clean - given).sum(axis=1)
    values[:, POWER] = np.square(clean - parts.train.mean(axis=0)).sum(axis=1)
    if image_shape is not None:
        error = np.maximum(values[:, ERROR] / clean.shape[1], 1e-12)
        peak = float(np.ptp(parts.train))
        values[:, PSNR] = 10 * np.log10(peak**2 / error)
        if min(image_shape[:2]) >= LEAST_SIDE:
            values[:, SSIM] = [
                _similarity(one.reshape(image_shape), other.reshape(image_shape), peak)
                for one, other in zip(clean, given, strict=True)
            ]
    return part.clean.predicted(values)


def _similarity(clean: np.ndarray, given: np.ndarray, peak: float) -> float:
    from skimage.metrics import structural_similarity

    colours = -1 if clean.ndim == 3 else None
    return float(structural_similarity(clean, given, data_range=peak, channel_axis=colours))
