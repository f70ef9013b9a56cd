"""The rows that an estimator is given: as the source of a run, and as a fitted model reads them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    check_consistent_length,
    validate_data,
)

from pipeline.config.data import DataConfig
from pipeline.data.source import Column, Layout, RawRows, Source, Wanted
from pipeline.data.sources.matrix import Arrays, by_kind, positions, source_of
from pipeline.data.sources.unlabelled import with_unlabelled
from pipeline.data.target import labels_of
from pipeline.estimators.frames import rows_of_frame, source_of_frame

UNLABELLED = "unlabelled"


def is_frame(X: Any) -> bool:
    """Whether rows are a DataFrame, which is read as a table."""
    return isinstance(X, pd.DataFrame)


def source_given(
    estimator: BaseEstimator,
    X: Any,
    labels: np.ndarray | None,
    weights: np.ndarray | None,
    unlabelled: Any,
    config: DataConfig,
) -> Source:
    """The source that rows and labels are; `estimator` learns the names and number of columns.

    `labels` are text or numbers (rows,), `weights` float64 (rows,). Raises `InputError` where the
    rows cannot be used, and `ValueError` as scikit-learn does for what is no matrix of numbers.
    """
    if is_frame(X):
        _check_feature_names(estimator, X, reset=True)
        _check_n_features(estimator, X, reset=True)
        check_consistent_length(X, labels)
        source = source_of_frame(X, labels, config)
    else:
        matrix = _matrix(estimator, X, reset=True)
        check_consistent_length(matrix, labels)
        source = source_of(Arrays("X", "X", matrix, None, None), config)
    source = replace(
        source,
        labels=None if labels is None else labels_of(labels, source.rows, config.unlabelled, "y"),
        roles=source.roles._replace(weight=weights),
    )
    if unlabelled is None:
        return source
    more = rows_given(estimator, unlabelled, source.columns, source.layout)
    return with_unlabelled(source, more, UNLABELLED)


def rows_given(
    estimator: BaseEstimator, X: Any, columns: tuple[Column, ...], layout: Layout | None
) -> RawRows:
    """Rows as a model reads them that was fitted on these columns; `layout`: of a DataFrame.

    Raises `InputError` and `ValueError` where they are not of the columns that `fit` saw.
    """
    if layout is None:
        matrix = _matrix(estimator, X, reset=False)
        return RawRows(*by_kind(matrix[:, positions(columns)], columns, "X"))
    frame = X
    if not is_frame(X):
        names = [name for name in layout.names if name not in layout.labels]
        names = list(getattr(estimator, "feature_names_in_", names))
        matrix = validate_data(
            estimator, X, reset=False, dtype=None, ensure_all_finite=False, ensure_2d=True
        )
        frame = pd.DataFrame(matrix, columns=names).infer_objects()
    else:
        _check_feature_names(estimator, X, reset=False)
        _check_n_features(estimator, X, reset=False)
    return rows_of_frame(frame, Wanted(columns, layout))


def _matrix(estimator: BaseEstimator, X: Any, reset: bool) -> np.ndarray:
    """Numbers of any type (rows, columns); NaN is missing, nothing is infinite."""
    return validate_data(
        estimator,
        X,
        reset=reset,
        ensure_all_finite="allow-nan",
        ensure_min_samples=2 if reset else 1,
    )
