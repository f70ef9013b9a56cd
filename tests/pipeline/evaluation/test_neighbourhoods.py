"""Trustworthiness, row by row, is scikit-learn's."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness as of_scikit_learn

from pipeline.evaluation.neighbourhoods import (
    NEIGHBOURS,
    order_of_neighbours,
    trustworthiness,
)


@pytest.mark.parametrize("dims", [1, 2, 10])
def test_its_mean_is_that_of_scikit_learn_and_so_is_continuity(dims: int):
    rows = load_digits().data[:300]
    rows += np.random.default_rng(0).normal(0, 0.1, rows.shape)  # no two are equally far
    reduced = PCA(dims, random_state=0).fit_transform(rows)
    for one, other in ((rows, reduced), (reduced, rows)):
        expected = of_scikit_learn(one, other, n_neighbors=NEIGHBOURS)
        assert trustworthiness(
            order_of_neighbours(one), order_of_neighbours(other)
        ).mean() == pytest.approx(expected, abs=1e-9)


def test_rows_that_stay_as_they_are_keep_all_neighbours():
    order = order_of_neighbours(load_digits().data[:50])
    np.testing.assert_array_equal(trustworthiness(order, order), np.ones(50))


def test_of_too_few_rows_nothing_is_known():
    order = order_of_neighbours(load_digits().data[:19])
    assert np.isnan(trustworthiness(order, order)).all()
