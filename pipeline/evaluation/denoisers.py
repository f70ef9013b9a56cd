"""Models of scikit-learn's and scikit-image's that take noise off, on the same rows as the arms."""

from collections.abc import Callable
from functools import partial

import numpy as np
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from pipeline.data.denoising_rows import DenoisingRows
from pipeline.evaluation.denoising import near
from pipeline.evaluation.measured import Measured, measured
from pipeline.tasks.metric import Metric
from pipeline.tasks.task import Task

COMPONENTS = (5, 10, 20, 50, 100, 200)
WINDOWS = (3, 5)
"""Pixels on a side."""
STRENGTHS = (0.4, 0.6, 0.8, 1.0, 1.2)
"""Of non-local means: `h` over the deviation of the noise."""
CHOSEN_ON = 300
"""Validation rows that settings are chosen on, at most: non-local means take milliseconds a row."""

Denoiser = Callable[[np.ndarray], np.ndarray]
"""From noisy rows (rows, features) to rows without noise."""


def fit_denoiser(
    name: str, parts: DenoisingRows, task: Task, metric: Metric, seed: int
) -> Measured:
    """Fit a model with each of its settings, choose on validation rows and measure on test rows."""
    few = parts.validation._replace(
        clean=parts.validation.clean._replace(
            rows=parts.validation.clean.rows[:CHOSEN_ON],
            positions=parts.validation.clean.positions[:CHOSEN_ON],
        ),
        noisy=parts.validation.noisy[:CHOSEN_ON],
    )
    targets = np.zeros(0)  # no metric reads any

    def merit(model: Denoiser) -> float:
        return metric.merit(metric.score(targets, near(few, model(few.noisy), parts)))

    with threadpool_limits(1):
        best = max(_models(name, parts, seed), key=merit)
        validation, test = (
            (targets, near(part, best(part.noisy), parts)) for part in (few, parts.test)
        )
    return measured(task, metric, validation, test)


def _models(name: str, parts: DenoisingRows, seed: int) -> list[Denoiser]:
    """The model with each of its settings."""
    if name == "as_given":
        return [lambda noisy: noisy]
    if name == "components":
        most = min(parts.train.shape)
        numbers = sorted({min(number, most) for number in COMPONENTS})
        found = PCA(numbers[-1], random_state=seed).fit(parts.train)
        return [partial(_from_components, found, number) for number in numbers]
    shape = parts.image_shape
    assert shape is not None  # a run refuses such models of other rows before it begins
    if name == "median":
        return [partial(_median, shape, window) for window in WINDOWS]
    return [partial(_nonlocal, shape, parts.sigma, strength) for strength in STRENGTHS]


def _from_components(found: PCA, number: int, noisy: np.ndarray) -> np.ndarray:
    components = found.components_[:number]
    return (noisy - found.mean_) @ components.T @ components + found.mean_


def _median(shape: tuple[int, ...], window: int, noisy: np.ndarray) -> np.ndarray:
    from scipy.ndimage import median_filter

    size = (1, window, window, *(1 for _ in shape[2:]))
    return median_filter(noisy.reshape(-1, *shape), size).reshape(noisy.shape)


def _nonlocal(
    shape: tuple[int, ...], sigma: float | None, strength: float, noisy: np.ndarray
) -> np.ndarray:
    from skimage.restoration import denoise_nl_means, estimate_sigma

    colours = -1 if len(shape) == 3 else None
    images = noisy.reshape(-1, *shape)

    def without_noise(image: np.ndarray) -> np.ndarray:
        deviation = sigma or float(np.mean(estimate_sigma(image, channel_axis=colours)))
        return denoise_nl_means(
            image, 5, 6, h=strength * deviation, sigma=deviation, channel_axis=colours
        )

    return np.stack([without_noise(image) for image in images]).reshape(noisy.shape)
