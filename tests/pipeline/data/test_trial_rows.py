"""Which rows a trial sees: label budgets one within the other, a sample that is no beginning."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.config.data import DataConfig
from pipeline.data import trial_rows as module
from pipeline.data.prepared import Prepared
from pipeline.data.rows.sample import sample
from pipeline.data.rows.streamed import StreamedRows
from pipeline.data.trial_rows import Labelled, trial_rows
from tests.pipeline.data.reading import prepare


@pytest.fixture
def sorted_by_class(digits, tmp_path: Path) -> Prepared:
    """The digits, all zeros first, each row with its number in the file beside its pixels."""
    images, classes = digits
    order = np.argsort(classes, kind="stable")
    rows = np.column_stack([images.reshape(-1, 64)[order], np.arange(1797)])
    np.savez(tmp_path / "sorted.npz", x=rows, y=classes[order])
    config = DataConfig(source=str(tmp_path / "sorted.npz"), scaling="none")
    return prepare(config, 0, tmp_path / "data")


def numbers(part: Labelled | np.ndarray) -> set[int]:
    rows = part.rows if isinstance(part, Labelled) else part
    return set(rows[:, 64].astype(int).tolist())


def test_a_larger_budget_shows_every_label_of_a_smaller_one_validation_rows_included(
    sorted_by_class,
):
    train = len(sorted_by_class.splits.train)
    shown: set[int] = set()
    for labels in (10, 11, 57, 400, train, train + 1, train + 4, train + 150):
        parts = trial_rows(sorted_by_class, labels, 3, all_unlabelled=False)
        now = numbers(parts.refit or parts.train)
        assert len(now) == labels
        assert shown < now
        shown = now


def test_the_rows_that_standardise_the_code_are_a_sample_of_a_sorted_file(
    sorted_by_class, monkeypatch
):
    monkeypatch.setattr(module, "STANDARDIZED_ON", 200)
    targets = sorted_by_class.targets
    pretrain = set(sorted_by_class.splits.pretrain.tolist())
    few = trial_rows(sorted_by_class, 10, 3, all_unlabelled=False).unlabelled
    every = trial_rows(sorted_by_class, 10, 3, all_unlabelled=True).unlabelled
    assert (len(few), len(numbers(few))) == (200, 200)
    assert set(targets[list(numbers(few))]) == set(range(10))
    np.testing.assert_array_equal(every[:200], few)
    assert numbers(every) == pretrain
    other = trial_rows(sorted_by_class, 10, 4, all_unlabelled=False).unlabelled
    assert numbers(other) != numbers(few)


def test_a_sample_is_the_same_of_rows_in_memory_and_on_disk(digits, tmp_path: Path):
    rows = digits[0].reshape(-1, 64)
    np.save(tmp_path / "x.npy", rows)
    stored = StreamedRows(tmp_path / "x.npy", 100_000)
    np.testing.assert_array_equal(sample(stored, 50, 7), sample(rows, 50, 7))
    np.testing.assert_array_equal(sample(stored, 1797, 7), rows)
    positions = sample(np.arange(1797), 50, 7)
    np.testing.assert_array_equal(rows[positions], sample(rows, 50, 7))
    assert (np.diff(positions) > 0).all()
    assert positions[0] < 200 and positions[-1] > 1600
