"""Two models on the rows that both were tested on."""

import numpy as np
import pytest
from scipy.stats import norm

from pipeline.evaluation.common_rows import Difference, ScoredRows, difference
from pipeline.tasks import task_named
from pipeline.tasks.metric import Predicted


def predictions(contents, true, values, probabilities=None, weights=None) -> ScoredRows:
    return ScoredRows(
        np.array(contents, "uint64"),
        np.array(true),
        Predicted(np.array(values), probabilities, weights),
    )


def drawn(rows: int, right: float, seed: int, contents=None) -> ScoredRows:
    """A model that is right on a share of rows that all have class 1."""
    rng = np.random.default_rng(seed)
    values = (rng.random(rows) < right).astype(int)
    return predictions(
        np.arange(rows) if contents is None else contents, np.ones(rows, int), values
    )


def by(metric: str, one: ScoredRows, two: ScoredRows) -> Difference:
    task = task_named("regression" if metric in ("r2", "mae", "rmse") else "classification")
    return difference(task.metric(metric), one, two, seed=0)


def test_only_rows_that_both_were_tested_on_count():
    candidate = predictions([7, 8, 9, 10], [0, 0, 1, 1], [0, 0, 1, 0])
    champion = predictions([10, 2, 8, 3], [1, 1, 0, 1], [1, 0, 1, 0])
    found = by("accuracy", candidate, champion)
    assert (found.rows, found.score, found.other, found.mean) == (2, 0.5, 0.5, 0.0)


def test_without_a_common_row_there_is_no_interval():
    found = by("accuracy", predictions([1], [0], [0]), predictions([2], [0], [0]))
    assert found.rows == 0 and found.interval is None


def test_a_row_that_stands_in_the_table_twice_counts_twice():
    candidate = predictions([5, 5, 6], [1, 0, 1], [1, 1, 1])
    champion = predictions([6, 5], [1, 1], [0, 1])
    found = by("accuracy", candidate, champion)
    assert (found.rows, found.score, found.other) == (3, 2 / 3, 1 / 3)


def test_the_label_is_the_one_that_the_candidate_was_tested_with():
    candidate, champion = predictions([1, 2], [1, 1], [1, 1]), predictions([1, 2], [0, 0], [0, 0])
    found = by("accuracy", candidate, champion)
    assert (found.score, found.other) == (1.0, 0.0)


def test_accuracy_has_agresti_and_min_s_interval():
    one = predictions(range(100), [1] * 100, [1] * 95 + [0] * 5)
    two = predictions(range(100), [1] * 100, [1] * 80 + [0] * 15 + [1] * 2 + [0] * 3)
    found = by("accuracy", one, two)
    first, second, rows = 15.5, 2.5, 102  # half a row is added to each of four counts
    error = (first + second - (first - second) ** 2 / rows) ** 0.5 / rows
    expected = (first - second) / rows + np.array([-1, 1]) * norm.ppf(0.975) * error
    assert found.mean == pytest.approx(0.13)
    assert found.interval == pytest.approx(tuple(expected))


def test_models_that_agree_on_few_rows_are_not_called_equal():
    rows = drawn(20, 0.9, 0)
    low, high = by("accuracy", rows, rows).interval
    assert low < -0.05 and high > 0.05


def test_a_metric_of_which_less_is_better_is_turned():
    rng = np.random.default_rng(0)
    true = rng.normal(size=200)
    near, far = true + rng.normal(0, 0.1, 200), true + rng.normal(0, 0.5, 200)
    found = by("rmse", predictions(range(200), true, near), predictions(range(200), true, far))
    assert found.score < found.other
    assert found.mean == pytest.approx(found.other - found.score)
    assert found.interval[0] > 0


def test_a_bootstrap_of_few_rows_is_none():
    true = np.linspace(0, 1, 49)
    rows = predictions(range(49), true, true + 0.1)
    assert by("r2", rows, rows).interval is None


def test_rows_with_weights_count_by_them():
    weights = np.where(np.arange(100) < 50, 3.0, 1.0)
    one = predictions(range(100), [1] * 100, [1] * 50 + [0] * 50, weights=weights)
    two = predictions(range(100), [1] * 100, [0] * 50 + [1] * 50, weights=weights)
    found = by("accuracy", one, two)
    assert (found.score, found.other) == (0.75, 0.25)
    assert found.interval[0] > 0


@pytest.mark.parametrize("metric", ["balanced_accuracy", "log_loss"])
def test_every_metric_of_classes_can_be_compared(metric):
    rng = np.random.default_rng(1)
    true = rng.integers(0, 3, 120)
    sure = np.full((120, 3), 0.1)
    sure[np.arange(120), true] = 0.8
    unsure = rng.dirichlet([1, 1, 1], 120)
    one, two = (predictions(range(120), true, p.argmax(axis=1), p) for p in (sure, unsure))
    found = by(metric, one, two)
    low, high = found.interval
    assert 0 < low <= found.mean <= high


def test_the_interval_of_accuracy_holds_the_truth_19_times_in_20():
    held = 0
    for seed in range(400):
        one, two = drawn(300, 0.9, seed), drawn(300, 0.87, 10_000 + seed)
        low, high = by("accuracy", one, two).interval
        held += low <= 0.03 <= high
    assert 365 <= held <= 394  # 380 expected; 99.9 % of such counts


def test_the_same_rows_give_the_same_interval():
    one = predictions(range(60), np.arange(60) / 60, np.arange(60) / 50)
    two = predictions(range(60), np.arange(60) / 60, np.arange(60) / 70)
    assert by("mae", one, two) == by("mae", one, two)
