"""Scores against hand-set numbers."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from pipeline.evaluation.metrics import METRICS, PERCENT, WORDS, score


def test_accuracy_is_the_share_of_rows_with_the_right_class():
    assert score("classification", np.array([0, 1, 2, 2]), np.array([0, 1, 1, 2])) == 0.75


def test_f1_counts_the_labels_of_all_rows_together():
    targets = np.array([[1, 0, 1], [0, 1, 0]], "float32")
    predictions = np.array([[1, 1, 0], [0, 1, 0]])
    # Two right of three predicted and of three true.
    assert score("multilabel", targets, predictions) == pytest.approx(2 / 3)
    assert score("multilabel", np.zeros((2, 3)), np.zeros((2, 3), int)) == 0


def test_r_squared_of_the_mean_is_0_and_of_worse_predictions_negative():
    targets = np.array([1.0, 2.0, 6.0], "float32")
    assert score("regression", targets, np.full(3, 3.0)) == 0
    assert score("regression", targets, targets) == 1
    assert score("regression", targets, np.array([6.0, 2.0, 1.0])) == pytest.approx(1 - 50 / 14)


@pytest.mark.parametrize("predictions", [[2.0, 2.0, 2.0], [2.0, 2.0, 3.0]])
def test_r_squared_of_a_constant_target_is_scikit_learn_s(predictions):
    targets = np.full(3, 2.0, "float32")
    expected = r2_score(targets, predictions)
    assert score("regression", targets, np.array(predictions)) == expected


def test_a_constant_target_is_recognised_although_its_mean_is_rounded():
    targets = np.full(7, 0.1, "float32")
    assert score("regression", targets, targets + 0.1) == 0


def test_every_metric_has_words():
    assert set(WORDS) == set(METRICS.values()) > set(PERCENT)
