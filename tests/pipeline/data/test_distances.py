"""How far the columns of two sets of rows lie from each other."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from pipeline.config.data import DataConfig
from pipeline.data.distances import distances, summaries
from pipeline.data.source import Column, Source

BOUND = DataConfig().distance_bound


def source(numbers: np.ndarray, categories: np.ndarray | None = None) -> Source:
    """Columns n0, n1, ... and, of text, c0, c1, ..."""
    if categories is None:
        categories = np.empty((len(numbers), 0), "<U1")
    columns = [Column(f"n{i}", "number") for i in range(numbers.shape[1])]
    columns += [Column(f"c{i}", "category") for i in range(categories.shape[1])]
    made = Source("made", "made", tuple(columns), numbers, categories, None, None, table=True)
    return made


def between(before: Source, now: Source) -> dict[str, float]:
    first, second = (summaries(part, np.arange(part.rows), 0) for part in (before, now))
    return dict(distances(first, second))


def halves(rows: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(seed).permutation(len(rows))
    return rows[order[: len(rows) // 2]], rows[order[len(rows) // 2 :]]


@pytest.mark.parametrize("load", [load_breast_cancer, load_digits, load_diabetes])
def test_random_halves_of_real_rows_lie_within_the_default_bound(load):
    rows = load().data.astype(np.float64)
    for seed in range(10):
        first, second = halves(rows, seed)
        assert max(between(source(first), source(second)).values()) < BOUND


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 29), st.floats(0.8, 50), st.booleans(), st.integers(0, 1000))
def test_a_column_that_moved_is_found_by_name(column, deviations, down, seed):
    first, second = halves(load_breast_cancer().data.astype(np.float64), seed)
    moved = second.copy()
    moved[:, column] += (-1 if down else 1) * deviations * first[:, column].std()
    still, found = (between(source(first), source(rows)) for rows in (second, moved))
    assert next(iter(found)) == f"n{column}"
    assert found[f"n{column}"] > BOUND
    del still[f"n{column}"], found[f"n{column}"]
    assert still == found


def test_a_shift_by_a_standard_deviation_is_one_whatever_the_unit():
    rows = np.random.default_rng(0).normal(5, 2, (20_000, 1))
    for unit in (1.0, 1e-9, 1e9):
        found = between(source(rows * unit), source((rows + 2) * unit))
        assert found["n0"] == pytest.approx(1, abs=0.1)


def test_it_is_scipy_s_distance_of_all_values():
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, (9_000, 1)), rng.normal(0.5, 3, (9_000, 1))
    exact = wasserstein_distance(first[:, 0], second[:, 0]) / first.std()
    assert between(source(first), source(second))["n0"] == pytest.approx(exact, rel=0.05)


def test_equal_rows_lie_at_zero_also_where_nothing_varies_or_is_there():
    rows = np.column_stack([np.arange(50.0), np.ones(50), np.full(50, np.nan)])
    assert set(between(source(rows), source(rows)).values()) == {0.0}
    assert between(source(rows), source(rows + np.array([0, 1, 0])))["n1"] > BOUND


def test_numbers_that_are_missing_now_count():
    rows = np.random.default_rng(0).normal(size=(1000, 1))
    gone = np.where(np.arange(1000)[:, None] % 10 < 7, np.nan, rows)
    assert between(source(rows), source(gone))["n0"] == pytest.approx(0.7)


def test_of_categories_it_is_the_share_of_rows_that_would_have_to_change():
    numbers = np.empty((10, 0))
    before = source(numbers, np.array([["a"]] * 6 + [["b"]] * 4))
    now = source(numbers, np.array([["a"]] * 3 + [["b"]] * 4 + [["new"]] * 3))
    assert between(before, now)["c0"] == pytest.approx(0.3)


def test_columns_that_only_one_has_or_of_another_kind_have_none():
    rows = np.arange(20.0).reshape(10, 2)
    text = source(np.empty((10, 0)), np.array([["a"]] * 10))
    renamed = replace(text, columns=(Column("n0", "category"),))
    assert between(source(rows), renamed) == {}
    assert list(between(source(rows), source(rows[:, :1]))) == ["n0"]
