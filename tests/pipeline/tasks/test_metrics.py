"""Metrics against values set by hand, and which one models are compared by."""

from typing import get_args

import numpy as np
import pytest

from pipeline.config.finetune import MetricName
from pipeline.config.task import DECIDED
from pipeline.errors import InputError
from pipeline.evaluation.metrics import METRICS, UNITS_OF_THE_TARGET
from pipeline.tasks import task_named
from pipeline.tasks.metric import Predicted, calibration_error
from pipeline.tasks.task import Coding

LESS_IS_BETTER = {"log_loss", "calibration_error", "mae", "rmse", "reconstruction_error"}


def scores(kind: str, true, outputs) -> dict[str, float]:
    task = task_named(kind)
    return task.scores(np.array(true), task.predicted(np.array(outputs, "float32"), Coding()))


def test_the_config_names_every_metric():
    assert set(get_args(MetricName)) == {"auto", *METRICS}
    assert {name for name, metric in METRICS.items() if metric.less_is_better} == LESS_IS_BETTER
    assert set(UNITS_OF_THE_TARGET) < LESS_IS_BETTER


def test_metrics_that_tasks_call_alike_are_read_alike():
    for task in map(task_named, DECIDED):
        for metric in task.metrics:
            assert metric[:4] == METRICS[metric.name][:4]


def test_scores_of_a_rare_class():
    """Four rows of one class and one of another, of which all are taken for the first."""
    found = scores("classification", [0, 0, 0, 0, 1], [[2, 0], [2, 0], [2, 0], [0.5, 0], [1, 0]])
    assert found["accuracy"] == pytest.approx(0.8)
    assert found["balanced_accuracy"] == pytest.approx(0.5)
    assert found["macro_f1"] == pytest.approx((2 * 0.8 / 1.8 + 0) / 2)
    # The row of the second class is ranked above three of the four others.
    assert found["auroc"] == pytest.approx(0.75)
    # It is the second of those taken for its class; of the four others the last is the fifth.
    assert found["average_precision"] == pytest.approx((0.5 + (1 + 1 + 1 + 4 / 5) / 4) / 2)
    sure = [1 / (1 + np.exp(-d)) for d in (2, 2, 2, 0.5)]
    expected = -(np.log(sure).sum() + np.log(1 - 1 / (1 + np.exp(-1)))) / 5
    assert found["log_loss"] == pytest.approx(expected)


def test_a_class_without_test_rows_counts_nowhere():
    outputs = np.eye(3)[[0, 1, 0, 1]] * 3
    found = scores("classification", [0, 1, 0, 1], outputs)
    perfect = {"accuracy", "balanced_accuracy", "macro_f1", "auroc", "average_precision"}
    assert {found[name] for name in perfect} == {1.0}


def test_rows_of_one_class_say_nothing_about_ranks():
    found = scores("classification", [1, 1], [[0, 1], [1, 0]])
    assert found["auroc"] == 0.5
    found = scores("multilabel", [[1.0], [1.0]], [[1], [-1]])
    assert found["auroc"] == 0.5


def test_the_calibration_error_is_the_distance_of_confidence_from_truth():
    right = np.array([True] * 6 + [False] * 4)
    assert calibration_error(right, np.full(10, 0.9)) == pytest.approx(0.3)
    assert calibration_error(right, np.full(10, 0.6)) == pytest.approx(0)
    # Two bins, each wrong by as much in another direction: they do not make up for each other.
    both = np.repeat([0.75, 0.45], 5)
    assert calibration_error(np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 1]) > 0, both) == pytest.approx(
        (0.25 + 0.25) / 2
    )


def test_labels_are_scored_label_by_label():
    true = [[1.0, 0, 1], [0, 0, 1], [1, 0, 0]]
    found = scores("multilabel", true, [[2, -1, 1], [-2, -1, 2], [1, 1, 3]])
    # The second label applies nowhere, and has no rank; the last row of the third is first.
    assert found["auroc"] == pytest.approx((1 + 0) / 2)
    assert found["f1"] == pytest.approx(2 * 4 / (6 + 4))
    assert found["macro_f1"] == pytest.approx((1 + 0 + 0.8) / 3)


def test_errors_of_a_number_are_in_its_units():
    found = scores("regression", [1.0, 2.0, 6.0], [[1], [2], [3]])
    assert found["mae"] == pytest.approx(1)
    assert found["rmse"] == pytest.approx(3**0.5)


def test_confidence_is_the_probability_of_what_is_predicted():
    classes = Predicted(np.array([1, 0]), np.array([[0.4, 0.6], [0.7, 0.3]]))
    assert classes.confidence.tolist() == [0.6, 0.7]
    labels = Predicted(np.array([[1, 0]]), np.array([[0.9, 0.2]]))
    assert labels.confidence.tolist() == [[0.9, 0.8]]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([500, 500], "accuracy"),
        ([125, 875], "accuracy"),
        ([124, 876], "auroc"),
        ([40, 480, 480], "balanced_accuracy"),
        ([84, 458, 458], "accuracy"),
    ],
)
def test_rare_classes_choose_the_metric_and_it_is_said(counts, expected):
    target = np.repeat(np.arange(len(counts)), counts)
    choice = task_named("classification").choose_metric(target)
    assert choice.metric == expected
    assert ("rarest class has" in choice.note) == (expected != "accuracy")
    assert choice == task_named("classification").choose_metric(target.astype(str))


def test_a_metric_of_another_task_is_refused():
    with pytest.raises(InputError, match=r"task regression: r2, mae, rmse\. Given: accuracy"):
        task_named("regression").metric("accuracy")


@pytest.mark.parametrize("kind", DECIDED)
def test_a_row_of_weight_3_counts_as_three_rows(kind: str):
    """In every metric of every task."""
    rng = np.random.default_rng(0)
    true = {
        "classification": rng.integers(0, 3, 40),
        "multilabel": rng.integers(0, 2, (40, 3)).astype("float32"),
        "regression": rng.normal(size=40),
        "anomaly": rng.integers(0, 2, 40),
        "denoise": np.zeros(40),
        "embed": np.zeros(40),
    }[kind]
    outputs = rng.normal(size=(40, {"regression": 1, "denoise": 4, "embed": 5}.get(kind, 3)))
    if kind in ("denoise", "embed"):  # what was measured of rows: squares among other things
        outputs = outputs**2
    times = rng.integers(1, 4, 40)
    task = task_named(kind)
    predicted = task.predicted(outputs, Coding())._replace(weights=times * 0.5)
    again = np.repeat(np.arange(40), times)
    expected = scores(kind, true[again], outputs[again])
    assert task.scores(true, predicted) == pytest.approx(expected, rel=1e-6)
    assert task.scores(true, predicted._replace(weights=None)) != pytest.approx(expected, rel=1e-3)
