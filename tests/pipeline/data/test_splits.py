"""Which rows pretrain, train, validate and test."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.data import DataConfig
from pipeline.data.source import Column, Source
from pipeline.data.splits import Splits, label_budget, label_subset
from pipeline.data.splits import split as split_rows
from pipeline.data.target import labels_of, with_target
from pipeline.errors import InputError
from tests.pipeline.data.reading import read, section


def source(
    target: list | np.ndarray | None,
    test: list[bool] | None = None,
    kind: str = "classification",
) -> Source:
    rows = 6 if target is None else len(target)
    labels = None if target is None else labels_of(np.array(target), rows, None, "made")
    made = Source(
        name="made",
        origin="made",
        columns=(Column("a", "number"),),
        numbers=np.arange(rows, dtype=np.float32)[:, None],
        categories=np.empty((rows, 0), "<U1"),
        labels=labels,
        test=None if test is None else np.array(test),
        image_shape=None,
        table=False,
    )
    return with_target(made, section(kind), CONFIG)


CONFIG = DataConfig(test=0.2, validation=0.25)


def split(made: Source, config: DataConfig, seed: int) -> Splits:
    return split_rows(made, config, seed).parts


def test_every_labelled_row_is_in_one_part():
    parts = split(read(DataConfig()), CONFIG, seed=0)
    assert [len(part) for part in parts] == [1078, 360, 1078, 360, 359]
    together = np.concatenate([parts.train, parts.validation, parts.test])
    np.testing.assert_array_equal(np.sort(together), np.arange(1797))
    assert all(part.dtype == np.int64 for part in parts)


def test_each_part_has_the_shares_of_the_classes(iris_csv: Path):
    iris = read(DataConfig(source=str(iris_csv), label="species"))
    assert iris.target is not None
    for part in split(iris, CONFIG, seed=3):
        counts = np.unique(iris.target[part], return_counts=True)[1]
        assert len(set(counts.tolist())) == 1


def test_a_seed_gives_one_split_and_another_seed_another():
    digits = read(DataConfig())
    first, again, other = (split(digits, CONFIG, seed) for seed in (0, 0, 1))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(first.test, other.test)


def test_parts_can_be_given_by_number():
    config = DataConfig(test=100, validation=50)
    assert [len(part) for part in split(read(config), config, seed=0)[3:]] == [50, 100]


def test_rows_without_label_only_pretrain():
    target = ["a", "b"] * 10 + [""] * 5
    parts = split(source(target), CONFIG, seed=0)
    np.testing.assert_array_equal(parts.pretrain, np.union1d(parts.train, np.arange(20, 25)))
    for part in parts[1:]:
        assert part.max() < 20


def test_test_rows_of_the_source_win_over_the_config():
    target = ["a", "b"] * 10
    parts = split(source(target, [False] * 14 + [True] * 6), CONFIG, seed=0)
    np.testing.assert_array_equal(parts.test, np.arange(14, 20))
    assert parts.pretrain.max() < 14


def test_unlabelled_test_rows_are_in_no_part():
    target = ["a", "b"] * 9 + ["", ""]
    parts = split(source(target, [False] * 14 + [True] * 6), CONFIG, seed=0)
    np.testing.assert_array_equal(parts.test, np.arange(14, 18))
    assert all(part.max() < 18 for part in parts)


def test_a_rare_class_has_a_row_in_each_part():
    target = ["a"] * 97 + ["b"] * 3
    parts = split(source(target), CONFIG, seed=0)
    for part in parts:
        assert np.sum(part >= 97) == 1


def test_a_regression_target_is_split_at_random():
    target = np.append(np.linspace(0, 1, 20), np.nan)
    parts = split(source(target, kind="regression"), CONFIG, seed=0)
    assert [len(part) for part in parts] == [13, 4, 12, 4, 4]
    assert 20 in parts.pretrain


def test_a_source_without_target_is_refused():
    with pytest.raises(InputError, match="needs labels.*x and y"):
        split(source(None), CONFIG, seed=0)


def test_a_source_whose_labels_are_all_missing_is_refused():
    with pytest.raises(InputError, match="no labelled training row"):
        split(source(["", "", ""]), CONFIG, seed=0)


def test_one_class_alone_is_refused():
    with pytest.raises(InputError, match=r"two classes.*'a'.*data\.label"):
        split(source(["a"] * 20 + [""]), CONFIG, seed=0)


def test_a_regression_target_that_never_varies_is_refused():
    with pytest.raises(InputError, match=r"target must vary.*have 2\.0"):
        split(source([2.0] * 20, kind="regression"), CONFIG, seed=0)


def test_a_class_that_is_too_rare_for_every_part_loses_its_labels_and_is_named():
    target = ["a"] * 20 + ["c"] * 10 + ["b"] * 2
    found = split_rows(source(target), CONFIG, seed=0)
    assert found.target.tolist() == ["a"] * 20 + ["c"] * 10 + ["", ""]
    assert all(part.max() < 30 for part in found.parts[2:])
    assert {30, 31} <= set(found.parts.pretrain)
    assert len(found.notes) == 1 and "'b' (2 rows)" in found.notes[0]


def test_a_class_that_remains_alone_is_refused_with_the_rare_ones():
    with pytest.raises(InputError) as refused:
        split(source(["a"] * 20 + ["b"] * 2), CONFIG, seed=0)
    assert "There must be two classes" in str(refused.value)
    assert "'b' (2 rows)" in str(refused.value)


def test_two_rows_of_a_class_are_enough_where_test_rows_are_given():
    target = ["a"] * 8 + ["b"] * 2 + ["a", "b"]
    parts = split(source(target, [False] * 10 + [True] * 2), CONFIG, seed=0)
    assert np.sum(parts.train >= 8) == np.sum(parts.validation >= 8) == 1


def test_too_few_rows_for_a_regression_are_refused():
    with pytest.raises(InputError, match="3 labelled rows at least.*Given: 2"):
        split(source([1.0, 2.0], kind="regression"), CONFIG, seed=0)


@pytest.mark.parametrize("key", ["test", "validation"])
@pytest.mark.parametrize("rows", [1, 20])
def test_a_part_that_is_too_small_or_too_large_is_refused_by_its_key(key: str, rows: int):
    config = DataConfig.model_validate({key: rows})
    with pytest.raises(InputError, match=rf"data\.{key}.*Given: {rows}"):
        split(source(["a", "b"] * 10), config, seed=0)


def test_a_class_among_the_test_rows_only_is_refused():
    target = ["a", "b"] * 5 + ["c"]
    with pytest.raises(InputError, match="has 'c' among its test rows only"):
        split(source(target, [False] * 10 + [True]), CONFIG, seed=0)


def test_test_rows_without_any_label_are_refused():
    with pytest.raises(InputError, match="None of the test rows"):
        split(source(["a", "b"] * 5 + [""], [False] * 10 + [True]), CONFIG, seed=0)


def test_a_label_subset_has_the_number_of_rows_asked_for_in_the_shares_of_the_classes():
    classes = np.array(["a"] * 60 + ["b"] * 30 + ["c"] * 10)
    for labels, expected in ((10, [6, 3, 1]), (50, [30, 15, 5]), (3, [1, 1, 1]), (7, [4, 2, 1])):
        subset = label_subset(classes, labels, seed=0)
        assert len(np.unique(subset)) == labels
        assert np.unique(classes[subset], return_counts=True)[1].tolist() == expected


def test_the_rarest_class_keeps_one_label():
    classes = np.array(["a"] * 999 + ["b"])
    subset = label_subset(classes, 10, seed=0)
    assert 999 in subset
    assert len(subset) == 10


def test_all_labels_are_all_rows():
    classes = np.array(["a", "b", "b"])
    np.testing.assert_array_equal(label_subset(classes, 3, seed=0), [0, 1, 2])


def test_a_label_subset_depends_on_the_seed_alone():
    classes = np.array(["a", "b"] * 50)
    first, again, other = (label_subset(classes, 20, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@settings(derandomize=True, deadline=None, database=None)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=12),
    seed=st.integers(0, 2**32 - 1),
    data=st.data(),
)
def test_a_label_budget_lies_within_every_larger_one_for_classes_of_any_sizes(sizes, seed, data):
    classes = np.repeat(np.arange(len(sizes)), sizes)
    rows = len(classes)
    larger = data.draw(st.integers(len(sizes), rows))
    smaller = data.draw(st.integers(len(sizes), larger))
    few, many = (set(label_subset(classes, n, seed)) for n in (smaller, larger))
    assert (len(few), len(many)) == (smaller, larger)
    assert few <= many


@settings(derandomize=True, deadline=None, database=None)
@given(
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=8),
    share=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_a_class_has_its_share_of_the_labels_and_one_at_least(sizes, share, seed):
    """No class is further off its share than the first row of each of the others pushes it."""
    classes = np.repeat(np.arange(len(sizes)), sizes)
    rows = len(classes)
    labels = max(len(sizes), round(share * rows))
    counts = np.bincount(classes[label_subset(classes, labels, seed)])
    quotas = labels * np.array(sizes) / rows
    assert counts.min() >= 1
    assert counts.sum() == labels
    assert (np.abs(counts - quotas) <= len(sizes)).all()


def test_classes_of_one_size_take_turns_at_random():
    """The label beyond equal shares goes to another class with another seed."""
    classes = np.repeat(["a", "b", "c"], 20)
    extra = {
        np.unique(classes[label_subset(classes, 31, seed)], return_counts=True)[1].argmax()
        for seed in range(20)
    }
    assert extra == {0, 1, 2}


def test_a_label_subset_of_a_regression_is_drawn_at_random():
    subset = label_subset(np.zeros(100), 30, seed=0)
    assert len(np.unique(subset)) == 30
    assert subset.max() > 50


@pytest.mark.parametrize("labels", [2, 10])
def test_a_label_subset_beyond_rows_or_below_classes_is_refused(labels: int):
    with pytest.raises(InputError, match=rf"finetune\.label_budgets.*Given: {labels}"):
        label_subset(np.array(["a", "b", "c"] * 3), labels, seed=0)


@pytest.mark.parametrize(
    ("budget", "labels"), [("all", 200), (50, 50), (200, 200), (0.1, 20), (0.001, 1)]
)
def test_a_label_budget_is_a_count_a_share_or_all(budget: float | str, labels: int):
    assert label_budget(budget, 200) == labels


def test_a_label_budget_beyond_the_rows_is_refused():
    with pytest.raises(InputError, match=r"finetune\.label_budgets.*200.*Given: 201"):
        label_budget(201, 200)


STABLE = CONFIG.model_copy(update={"holdout": "stable"})


def test_a_row_that_is_held_out_stays_so_whatever_rows_come_or_go():
    def test_values(rows: np.ndarray) -> set[float]:
        made = replace(source([row % 3 for row in rows]), numbers=rows[:, None])
        return set(rows[split(made, STABLE, seed=0).test])

    few, many = np.arange(300.0), np.random.default_rng(0).permutation(1000).astype(float)
    held = test_values(many)
    assert test_values(few) == {row for row in held if row < 300}
    assert 150 < len(held) < 250  # 0.2 of a thousand


def test_a_row_without_a_label_that_would_be_a_test_row_pretrains_no_model():
    """It may have its label tomorrow."""
    labels = np.arange(200) % 2.0
    unlabelled = np.where(np.arange(200) % 4 == 0, np.nan, labels)
    test = split(source(labels), STABLE, seed=0).test
    parts = split(source(unlabelled), STABLE, seed=0)
    assert not np.intersect1d(parts.pretrain, test).size
    np.testing.assert_array_equal(parts.test, test[test % 4 != 0])


def test_rows_that_are_held_out_by_their_values_are_the_same_with_every_seed():
    """Else another seed would test on rows that an earlier run has trained on."""
    labels = np.arange(200) % 2
    first, second = (split(source(labels), STABLE, seed) for seed in (0, 1))
    np.testing.assert_array_equal(first.test, second.test)
    np.testing.assert_array_equal(first.validation, second.validation)


def test_rows_that_the_source_marks_are_held_out_and_no_others():
    marked = np.arange(40) < 10
    parts = split(source(np.arange(40) % 2, list(marked)), STABLE, seed=0)
    np.testing.assert_array_equal(parts.test, np.arange(10))


def test_a_holdout_of_no_row_is_refused():
    with pytest.raises(InputError, match=r"made has none for: test.*data\.test"):
        split(source([0, 1] * 20), STABLE.model_copy(update={"test": 1e-9}), seed=0)
