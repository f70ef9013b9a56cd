"""What rows are judged by from which noise was taken.

What is measured of a row, `Predicted.values` (rows, 4), is the squared error of its scaled features
in all (`ERROR`), their squared distance from the mean of training rows (`POWER`), and of an image
its PSNR and SSIM; NaN where nothing was measured.
"""

import numpy as np

from pipeline.tasks.metric import Metric, Predicted

ERROR, POWER, PSNR, SSIM = range(4)


def mean(values: np.ndarray, weights: np.ndarray | None) -> float:
    """Of the values (rows,) that are numbers, by the weights of their rows; NaN without any."""
    there = ~np.isnan(values)
    if not there.any():
        return float("nan")
    return float(np.average(values[there], weights=None if weights is None else weights[there]))


def snr(true: np.ndarray, predicted: Predicted) -> float:
    """The signal-to-noise ratio in dB: how much rows vary over how far what is given is from them.

    0 where every row is given as the mean.
    """
    error, power = (mean(predicted.values[:, at], predicted.weights) for at in (ERROR, POWER))
    return float(10 * np.log10(max(power, 1e-12) / max(error, 1e-12)))


def psnr(true: np.ndarray, predicted: Predicted) -> float:
    """The peak signal-to-noise ratio of images in dB, a mean over rows."""
    return mean(predicted.values[:, PSNR], predicted.weights)


def ssim(true: np.ndarray, predicted: Predicted) -> float:
    """The structural similarity of images (Wang et al. 2004), a mean over rows; 1 if equal."""
    return mean(predicted.values[:, SSIM], predicted.weights)


METRICS = (
    Metric("snr", "signal-to-noise ratio in dB", "SNR", False, snr),
    Metric("psnr", "peak signal-to-noise ratio in dB", "PSNR", False, psnr),
    Metric("ssim", "structural similarity", "SSIM", False, ssim),
)
