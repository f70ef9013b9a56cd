"""A linear probe: what tells two kinds of rows apart by their codes."""

import numpy as np

STRENGTH = 0.01
"""Inverse of the penalty on its weights, over standardised codes."""
LEAST = 1e-3
"""Of a unit's standard deviation."""


def probe(normal: np.ndarray, anomalies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kernel (units, 1) and bias (1,) of a logistic regression on codes (rows, units).

    Both kinds count alike, however many rows there are of each.
    """
    from sklearn.linear_model import LogisticRegression

    mean, deviation = normal.mean(axis=0), normal.std(axis=0) + LEAST
    codes = (np.concatenate([normal, anomalies]) - mean) / deviation
    true = np.repeat([0, 1], [len(normal), len(anomalies)])
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=300).fit(codes, true)
    kernel = model.coef_[0] / deviation
    return kernel[:, None], model.intercept_ - kernel @ mean
