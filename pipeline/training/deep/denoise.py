"""One trial of denoising: an arm and a seed, from first weights to test scores.

Source: Vincent et al., "Stacked Denoising Autoencoders" (2010), here with all levels trained at
once by the error of the rows, after each was by itself.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from layers import SparseAutoencoder
from layers.deep import DeepAutoencoder
from layers.detection import batched
from pipeline.config.task import DenoiseTask
from pipeline.config.untrained import UntrainedLevel
from pipeline.data.denoising_rows import DenoisingRows, NoisyRows
from pipeline.evaluation.denoising import near
from pipeline.evaluation.measured import measured
from pipeline.seeds import derive
from pipeline.tasks.metric import Metric, Predicted
from pipeline.tasks.task import Task
from pipeline.training.deep.joint import error_over_variance, train_jointly
from pipeline.training.deep.outcome import DeepOutcome, distances
from pipeline.training.deep.unrolled import unrolled, without_limits
from pipeline.training.progress import Watch


def denoise(
    stack: Sequence[UntrainedLevel],
    autoencoders: Sequence[SparseAutoencoder],
    trains: bool,
    parts: DenoisingRows,
    task: Task,
    metric: Metric,
    seed: int,
    watch: Watch,
) -> DeepOutcome:
    """Unroll the levels, train them to take noise off if they are to, and measure the test rows.

    Raises `DivergedError`.
    """
    section = task.section
    assert isinstance(section, DenoiseTask)
    deep = unrolled(without_limits(stack) if trains else stack, autoencoders)
    before = deep.kernels()
    if trains:
        error = error_over_variance(parts.train)
        rows, pair = _pairs(section, parts, derive(seed, "noise"))

        def loss(batch: tf.Tensor) -> tf.Tensor:
            clean, noisy = pair(batch)
            return error(clean, deep.decoder(deep.encoder(noisy)))

        train_jointly(deep.variables, loss, section.joint, rows, seed, watch)
    model = DeepAutoencoder(deep.encoder, deep.decoder)
    model.build((None, parts.train.shape[1]))

    def found(part: NoisyRows) -> tuple[np.ndarray, Predicted]:
        given = batched(model, part.noisy)
        return part.clean.targets, near(part, given, parts)

    return DeepOutcome(
        measured(task, metric, found(parts.validation), found(parts.test)),
        model,
        distances(before, deep.kernels()),
    )


def _pairs(
    section: DenoiseTask, parts: DenoisingRows, seed: int
) -> tuple[np.ndarray, Callable[[tf.Tensor], Sequence[tf.Tensor]]]:
    """The rows to train on, and of a batch of them the clean and the noisy ones."""
    if parts.train_noisy is not None:
        both = np.hstack([parts.train, parts.train_noisy])
        return both, lambda batch: tf.split(batch, 2, axis=1)
    noise = section.noise.as_it_comes(seed, parts.columns)
    assert noise is not None  # the config refuses none
    return parts.train, lambda clean: (clean, noise(clean, training=True))
