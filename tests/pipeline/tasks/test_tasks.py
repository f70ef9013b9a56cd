"""What tasks make of labels, and their scores against hand-set numbers."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from pipeline.config.task import DECIDED
from pipeline.evaluation.metrics import METRICS, PERCENT, WORDS
from pipeline.tasks import task_named
from pipeline.tasks.metric import Predicted
from pipeline.tasks.task import Coding


def score(kind: str, targets, predictions) -> float:
    """By the usual metric of the task."""
    return task_named(kind).metrics[0].score(targets, Predicted(predictions))


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
    assert set(WORDS) == set(METRICS) > set(PERCENT)


@pytest.mark.parametrize("kind", DECIDED)
def test_a_task_is_called_what_the_config_calls_it(kind):
    assert task_named(kind).kind == kind


def test_a_number_keeps_its_digits_however_far_from_zero():
    targets = 1.764e9 + np.linspace(-37, 37, 9)
    coding = task_named("regression").coding(targets)
    trained_on = coding.encode(targets).astype("float32")
    assert (trained_on.mean(), trained_on.std()) == pytest.approx((0, 1), abs=1e-6)
    np.testing.assert_allclose(coding.decode(trained_on), targets, rtol=0, atol=1e-5)


def test_targets_that_are_all_equal_can_be_trained_on():
    coding = task_named("regression").coding(np.full(3, 5.0))
    assert coding == Coding(5.0, 1.0)


@pytest.mark.parametrize("kind", ["classification", "multilabel"])
def test_classes_and_labels_are_trained_on_as_they_are(kind):
    targets = np.array([[0, 1], [1, 1]])
    coding = task_named(kind).coding(targets)
    assert coding.encode(targets) is targets is coding.decode(targets)


def test_balanced_weights_let_every_class_count_alike():
    task = task_named("classification")
    weights = task.class_weights(np.array([0, 0, 0, 2]), 3)
    # No row has class 1: of the two others each weighs as two of the four rows.
    np.testing.assert_allclose(weights, [2 / 3, 0, 2])
    outputs = np.array([[1.0, 0, 0], [0, 2, 0], [0, 0, 1], [3, 0, 0]], "float32")
    targets = np.array([0, 0, 0, 2])
    losses = np.asarray(task.losses(targets, outputs))
    weighted = np.asarray(task.weighted_losses(targets, outputs, weights))
    assert weighted.mean() == pytest.approx((losses[:3].mean() + losses[3]) / 2, rel=1e-6)


def test_balanced_weights_let_both_values_of_a_label_count_alike():
    task = task_named("multilabel")
    targets = np.array([[1, 1], [0, 1], [0, 1], [0, 1]], "float32")
    weights = task.class_weights(targets, 2)
    np.testing.assert_allclose(weights, [[2 / 3, 0], [2, 1]])  # the second applies to every row
    outputs = np.array([[1.0, 0.5], [-1, 2], [0, 1], [2, -1]], "float32")
    cells = np.logaddexp(0, -outputs * (2 * targets - 1))
    weighted = np.asarray(task.weighted_losses(targets, outputs, weights))
    expected = ((cells[0, 0] + cells[1:, 0].mean()) / 2 + cells[:, 1].mean()) / 2
    assert weighted.mean() == pytest.approx(expected, rel=1e-6)
