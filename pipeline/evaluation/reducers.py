"""Models of scikit-learn's that reduce dimensions, on the same rows as the arms."""

import warnings
from functools import partial

import numpy as np
from sklearn.decomposition import NMF, PCA, TruncatedSVD
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from pipeline.config.task import EmbedTask
from pipeline.data.embedding_rows import EmbeddingRows
from pipeline.evaluation.embedding import Reduction, dimensions, measure
from pipeline.evaluation.measured import Measured
from pipeline.tasks.metric import Metric
from pipeline.tasks.task import Task

PASSES = 300
"""Of the non-negative factorisation, at most."""


def fit_reducer(name: str, parts: EmbeddingRows, task: Task, metric: Metric, seed: int) -> Measured:
    """Fit a model in each number of dimensions and measure test rows.

    `as_given` leaves rows as they are, whatever the number.
    """
    section = task.section
    assert isinstance(section, EmbedTask)
    compared, dims = dimensions(section, parts.train.shape[1])
    with threadpool_limits(1):
        reductions = {
            number: _fitted(name, number, parts.train, seed)
            for number in (dims if name != "as_given" else (compared,))
        }
    return measure(reductions, compared, parts, task, metric)


def _fitted(name: str, dims: int, rows: np.ndarray, seed: int) -> Reduction:
    if name == "as_given":
        return Reduction(_same, _same)
    if name == "nmf":
        least = rows.min(axis=0)
        model = NMF(min(dims, *rows.shape), max_iter=PASSES, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it ends after its passes
            model.fit(rows - least)
        return Reduction(
            lambda given: model.transform(np.maximum(given - least, 0)),
            lambda reduced: model.inverse_transform(reduced) + least,
        )
    kind = PCA if name == "components" else partial(TruncatedSVD, algorithm="arpack")
    # The singular value decomposition by Arnoldi's method needs a dimension to spare.
    most = min(rows.shape) - (name == "svd")
    found = kind(min(dims, most), random_state=seed).fit(rows)
    return Reduction(found.transform, found.inverse_transform)


def _same(rows: np.ndarray) -> np.ndarray:
    return rows
