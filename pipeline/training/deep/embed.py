"""One trial of dimensionality reduction: an arm and a seed, from first weights to test scores.

The top level's code is reduced by a linear layer, which begins at its principal components. Of a
batch each row is decoded from the first units of it alone, as many as one of the numbers of
dimensions, drawn anew: so every prefix is a code of its own. Sources: nested dropout, Rippel,
Gelbart and Adams, "Learning Ordered Representations with Nested Dropout" (2014); a few numbers
in place of all, Kusupati et al., "Matryoshka Representation Learning" (2022).
"""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from sklearn.decomposition import PCA

from layers import SparseAutoencoder
from layers.deep import Embedding
from layers.detection import batched
from pipeline.config.task import EmbedTask
from pipeline.config.untrained import UntrainedLevel
from pipeline.data.embedding_rows import EmbeddingRows
from pipeline.data.rows.sample import sample
from pipeline.evaluation.embedding import Reduction, dimensions, measure
from pipeline.seeds import derive
from pipeline.tasks.metric import Metric
from pipeline.tasks.task import Task
from pipeline.training.deep.joint import error_over_variance, train_jointly
from pipeline.training.deep.outcome import DeepOutcome, distances
from pipeline.training.deep.unrolled import Unrolled, unrolled, without_limits
from pipeline.training.progress import Watch

COMPONENTS_OF = 10_000
"""Rows that principal components are found on, at most."""


def embed(
    stack: Sequence[UntrainedLevel],
    autoencoders: Sequence[SparseAutoencoder],
    trains: bool,
    parts: EmbeddingRows,
    task: Task,
    metric: Metric,
    seed: int,
    watch: Watch,
) -> DeepOutcome:
    """Unroll the levels, train them if they are to be, and measure the test rows.

    Raises `DivergedError`.
    """
    section = task.section
    assert isinstance(section, EmbedTask)
    features = parts.train.shape[1]
    compared, dims = dimensions(section, features)
    deep = unrolled(without_limits(stack) if trains else stack, autoencoders)
    before = deep.kernels()
    levels = len(before)
    rows = sample(parts.train, COMPONENTS_OF, derive(seed, "components"))
    deep = reduced(deep, dims[-1], rows)
    if trains:
        error = error_over_variance(parts.train)
        noise = keras.random.SeedGenerator(derive(seed, "prefixes"))

        def loss(batch: tf.Tensor) -> tf.Tensor:
            drawn = keras.random.randint((tf.shape(batch)[0],), 0, len(dims), seed=noise)
            kept = tf.sequence_mask(tf.gather(tf.constant(dims), drawn), dims[-1], tf.float32)
            return error(batch, deep.decoder(deep.encoder(batch) * kept))

        train_jointly(deep.variables, loss, section.joint, parts.train, seed, watch)
    model = Embedding(deep.encoder, deep.decoder)
    model.build((None, features))
    return DeepOutcome(
        measure({number: prefix(model, number) for number in dims}, compared, parts, task, metric),
        model,
        distances(before, deep.kernels()[:levels]),
    )


def reduced(deep: Unrolled, dims: int, rows: np.ndarray) -> Unrolled:
    """The same with a linear code of so many dimensions: the principal components of its own.

    Of `rows` (rows, features); there may be fewer components than dimensions, the others are 0.
    """
    codes = batched(deep.encoder, rows)
    found = PCA(min(dims, *codes.shape), random_state=0).fit(codes)
    components = np.zeros((dims, codes.shape[1]), "float32")
    components[: len(found.components_)] = found.components_
    down = keras.layers.Dense(dims, name="embedding")
    up = keras.layers.Dense(codes.shape[1], name="expansion")
    encoder = keras.Sequential([keras.Input((rows.shape[1],)), *deep.encoder.layers, down])
    decoder = keras.Sequential([keras.Input((dims,)), up, *deep.decoder.layers])
    down.set_weights([components.T, -found.mean_ @ components.T])
    up.set_weights([components, found.mean_])
    return Unrolled(encoder, decoder)


def prefix(model: Embedding, dims: int) -> Reduction:
    """The first so many dimensions of a model's code."""
    width = model.encoder.output_shape[-1]

    def decode(codes: np.ndarray) -> np.ndarray:
        whole = np.pad(codes, ((0, 0), (0, width - codes.shape[1])))
        return batched(model.decoder, whole)

    return Reduction(lambda rows: batched(model.encoder, rows)[:, :dims], decode)
