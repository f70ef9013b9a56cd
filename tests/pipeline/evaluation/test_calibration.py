"""Temperature and thresholds: found on validation rows, against logits that are known."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from pipeline.evaluation.calibration import calibrated_scores, decision_of, temperature, thresholds
from pipeline.tasks import task_named
from pipeline.tasks.decision import Decision, decision_from
from pipeline.tasks.metric import Predicted
from pipeline.tasks.task import Coding

CLASSES, LABELS = task_named("classification"), task_named("multilabel")


def classes(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits of three classes, and classes drawn from just these probabilities."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, 3)) * 2
    drawn = rng.random((rows, 1)) > softmax(logits, axis=1).cumsum(axis=1)
    return logits, drawn.sum(axis=1).clip(max=2)


@pytest.mark.parametrize("too_sure", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_logits_that_are_too_large_or_too_small(too_sure):
    logits, true = classes(4000)
    assert temperature(logits * too_sure, true) == pytest.approx(too_sure, rel=0.1)


def test_the_temperature_of_labels_is_found_too():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3000, 2)) * 2
    true = (rng.random((3000, 2)) < expit(logits)).astype("float32")
    assert temperature(logits * 2.5, true) == pytest.approx(2.5, rel=0.1)


def test_few_rows_that_are_all_right_do_not_make_the_network_certain():
    logits = np.array([[1.0, 0], [0, 1.0], [1.2, 0], [0, 0.8]])
    found = softmax(logits / temperature(logits, np.array([0, 1, 0, 1])), axis=1).max(axis=1)
    assert (found < 0.95).all()


def test_few_rows_of_many_classes_do_not_make_the_network_unsure():
    """Forty rows of eight classes, drawn from the very probabilities that logits give."""
    found = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        logits = rng.normal(size=(40, 8)) * 4
        drawn = rng.random((40, 1)) > softmax(logits, axis=1).cumsum(axis=1)
        found.append(temperature(logits, drawn.sum(axis=1).clip(max=7)))
    assert np.median(found) == pytest.approx(1, abs=0.3)


def test_calibrated_probabilities_are_closer_to_the_truth_on_other_rows():
    (logits, true), (others, other_true) = classes(1000), classes(2000, seed=1)
    decision = decision_of(CLASSES, logits * 4, true, CLASSES.metrics[0])
    before = CLASSES.scores(other_true, CLASSES.predicted(others * 4, Coding()))
    after = CLASSES.scores(other_true, CLASSES.predicted(others * 4, Coding(), decision))
    assert after["accuracy"] == before["accuracy"]
    assert after["log_loss"] < before["log_loss"]
    assert after["calibration_error"] < before["calibration_error"] / 3


def test_before_and_after_are_of_the_same_decisions():
    """Logits that are calibrated already, and a threshold far from one half: nothing was gained."""
    logits, true = rare(2000)
    raw = CLASSES.predicted(logits, Coding())
    decided = CLASSES.predicted(logits, Coding(), Decision(1.0, (0.05,)))
    assert (decided.values != raw.values).any()
    scores = calibrated_scores(CLASSES, true, decided, raw)
    for name in ("calibration_error", "log_loss"):
        assert scores[f"{name}_uncalibrated"] == scores[name]


def rare(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits (rows, 2) and classes of which the second is one in ten."""
    rng = np.random.default_rng(seed)
    second = rng.normal(size=rows) - 3
    true = (rng.random(rows) < expit(second * 1.0)).astype("int32")
    return np.column_stack([np.zeros(rows), second]), true


def test_the_threshold_of_a_rare_class_is_below_one_half():
    logits, true = rare(1000)
    for name in ("balanced_accuracy", "auroc"):
        decision = decision_of(CLASSES, logits, true, CLASSES.metric(name))
        (threshold,) = decision.thresholds
        assert 0.01 < threshold < 0.2
        others, other_true = rare(3000, seed=1)
        tuned = CLASSES.predicted(others, Coding(), decision)
        score = CLASSES.metric("balanced_accuracy").score
        assert score(other_true, tuned) > 0.1 + score(
            other_true, CLASSES.predicted(others, Coding())
        )


def test_a_threshold_does_not_take_back_what_weights_of_classes_were_asked_for():
    """Logits of a model that counts both classes alike: by accuracy one half is far too low."""
    logits, true = rare(1000)
    weighed = np.add(logits, [0, 3])
    accuracy, balanced = CLASSES.metric("accuracy"), CLASSES.metric("balanced_accuracy")
    (tuned,) = decision_of(CLASSES, weighed, true, accuracy).thresholds
    assert tuned > 0.7
    assert decision_of(CLASSES, weighed, true, accuracy, "balanced").thresholds == ()
    by_balanced = decision_of(CLASSES, weighed, true, balanced)
    assert decision_of(CLASSES, weighed, true, balanced, "balanced") == by_balanced


def test_few_rows_do_not_move_the_threshold_for_accuracy_nor_any_for_log_loss():
    logits, true = rare(200)
    for name in ("accuracy", "log_loss"):
        assert decision_of(CLASSES, logits, true, CLASSES.metric(name)).thresholds == ()


def test_of_thresholds_that_are_equally_good_the_nearest_to_one_half_is_taken():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.1, 0.9]])
    metric = CLASSES.metric("balanced_accuracy")
    assert thresholds(CLASSES, probabilities, np.array([0, 0, 1, 1]), metric) == ()


def test_labels_share_a_threshold_for_f1_and_have_their_own_for_its_mean():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(800, 2)) - np.array([2.5, 0])
    true = (rng.random((800, 2)) < expit(logits)).astype("float32")
    first, second = decision_of(LABELS, logits, true, LABELS.metric("f1")).thresholds
    assert first == second < 0.5
    first, second = decision_of(LABELS, logits, true, LABELS.metric("macro_f1")).thresholds
    assert first < second
    taken = LABELS.decided(expit(logits), (first, second))
    macro = LABELS.metric("macro_f1").score
    assert macro(true, Predicted(taken)) > macro(true, Predicted((logits > 0).astype("int32")))


def test_a_number_needs_no_decision():
    task = task_named("regression")
    found = decision_of(task, np.zeros((3, 1)), np.arange(3.0), task.metrics[0])
    assert found == Decision()


def test_a_decision_is_read_back_from_what_a_trial_logged():
    decision = Decision(1.5, (0.25, 0.5))
    assert decision_from({**decision.to_metrics(), "accuracy": 0.5}) == decision
    assert decision_from({"r2": 0.5}) == Decision()
