"""Anomalies among the rows that are taken as normal."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from pipeline.data.hidden_anomalies import likely_normal

HIDDEN = 30


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """300 benign tumours, with malignant ones before them."""
    x, benign = load_breast_cancer(return_X_y=True)
    rows = np.concatenate([x[benign == 0][:HIDDEN], x[benign == 1][:300]])
    return ((rows - rows.mean(axis=0)) / rows.std(axis=0)).astype("float32")


def test_the_share_that_is_named_is_left_out_and_is_mostly_anomalies(rows: np.ndarray):
    likely = likely_normal(rows, 0.1, 0)(rows)
    assert (~likely).sum() == 33
    assert (~likely[:HIDDEN]).mean() > 0.6
    assert (~likely[HIDDEN:]).mean() < 0.06


@pytest.mark.parametrize("hidden", [0, 10, 20])
def test_how_many_is_found_out(rows: np.ndarray, hidden: int):
    some = rows[HIDDEN - hidden :]
    left_out = ~likely_normal(some, "auto", 0)(some)
    assert left_out[:hidden].sum() >= 0.7 * hidden
    assert left_out[hidden:].mean() < 0.07


def test_other_rows_are_judged_by_the_same_bound(rows: np.ndarray):
    likely = likely_normal(rows[HIDDEN:], 0.05, 0)
    assert (~likely(rows[:HIDDEN])).mean() > 0.7
    np.testing.assert_array_equal(
        likely(rows[HIDDEN:]), likely_normal(rows[HIDDEN:], 0.05, 0)(rows[HIDDEN:])
    )
