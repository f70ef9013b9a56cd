"""No group and no row that is there twice is on two sides; a row keeps its side as others come."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.config.data import DataConfig
from pipeline.data.rows.streamed import StreamedRows
from pipeline.data.source import Column, Roles, Source
from pipeline.data.splits import Splits
from pipeline.data.splits import split as split_rows
from pipeline.data.splitting.row_keys import content_digests, row_keys
from pipeline.data.target import labels_of, with_target
from tests.pipeline.data.reading import section

DRAWN = DataConfig(holdout="drawn")
STABLE = DataConfig(holdout="stable")
QUIET = settings(derandomize=True, deadline=None, database=None, max_examples=60)


def source(numbers: np.ndarray, labels: list[str], group: np.ndarray | None = None) -> Source:
    made = Source(
        name="made",
        origin="made",
        columns=tuple(Column(f"c{n}", "number") for n in range(numbers.shape[1])),
        numbers=numbers,
        categories=np.empty((len(numbers), 0), "<U1"),
        labels=labels_of(np.array(labels), len(labels), None, "made"),
        test=None,
        image_shape=None,
        table=True,
        roles=Roles(group=group),
    )
    return with_target(made, section("classification"), DRAWN)


def sides(parts: Splits, rows: int) -> np.ndarray:
    """0 for rows to pretrain or train on, 1 to validate, 2 to test, -1 for none."""
    found = np.full(rows, -1)
    for side, members in enumerate(
        (np.union1d(parts.pretrain, parts.train), parts.pretrain_validation, parts.test)
    ):
        assert (found[members] == -1).all()
        found[members] = side
    return found


def sides_of(values: np.ndarray, side: np.ndarray) -> list[set[int]]:
    """For each value the sides on which it is found; rows that are in no part are on none."""
    return [set(side[(values == value) & (side >= 0)].tolist()) for value in np.unique(values)]


copies = st.lists(st.integers(1, 3), min_size=30, max_size=80)
"""How often each of so many rows is there."""


@QUIET
@given(copies=copies, seed=st.integers(0, 99), share=st.floats(0, 0.5))
@pytest.mark.parametrize("config", [DRAWN, STABLE])
def test_no_row_that_is_there_twice_is_on_two_sides(config, copies, seed, share):
    """Whether with a label, with another label, or without."""
    rng = np.random.default_rng(seed)
    values = rng.permutation(np.repeat(np.arange(len(copies)), copies))
    assume(len(copies) >= len(values) / 2)
    labels = np.where(rng.random(len(values)) < share, "", rng.choice(["a", "b"], len(values)))
    made = source(values[:, None].astype(float), labels.tolist())
    parts = split_rows(made, config, seed).parts
    assert all(len(found) <= 1 for found in sides_of(values, sides(parts, len(values))))
    assert all(len(part) for part in parts)


@QUIET
@given(sizes=st.lists(st.integers(1, 12), min_size=12, max_size=40), seed=st.integers(0, 99))
@pytest.mark.parametrize("config", [DRAWN, STABLE])
def test_no_group_is_on_two_sides(config, sizes, seed):
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat([f"patient {n}" for n in range(len(sizes))], sizes))
    labels = rng.choice(["a", "b", ""], len(groups), p=[0.4, 0.4, 0.2])
    assume(all((labels == name).sum() > 20 for name in "ab"))
    made = source(rng.random((len(groups), 3)), labels.tolist(), groups)
    config = config.model_copy(update={"test": 0.3, "validation": 0.3})
    parts = split_rows(made, config, seed).parts
    side = sides(parts, len(groups))
    assert all(len(found) <= 1 for found in sides_of(groups, side))
    assert (labels[side == -1] == "").all()


@QUIET
@given(
    few=st.integers(400, 600),
    more=st.integers(1, 600),
    grouped=st.booleans(),
    seed=st.integers(0, 9),
)
def test_a_row_keeps_its_part_when_the_table_grows(few, more, grouped, seed):
    """Rows come between the others, columns of other groups, labels change."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(few + more)
    values = rng.random((few + more, 2))
    groups = np.array([f"g{n // 3}" for n in range(few + more)]) if grouped else None

    def parts_of(rows: np.ndarray) -> dict[int, int]:
        labels = rng.choice(["a", "b"], len(rows)).tolist()
        made = source(values[rows], labels, None if groups is None else groups[rows])
        return dict(zip(rows.tolist(), sides(split_rows(made, STABLE, seed).parts, len(rows)),
                        strict=True))  # fmt: skip

    before, after = parts_of(np.arange(few)), parts_of(order)
    assert before == {row: after[row] for row in range(few)}


def test_rows_are_held_out_by_their_values_from_two_thousand_on():
    rng = np.random.default_rng(0)
    values, labels = rng.random((2000, 2)), ["a", "b"] * 1000
    auto = DataConfig()
    for rows, config in ((1999, DRAWN), (2000, STABLE)):
        made = source(values[:rows], labels[:rows])
        found = split_rows(made, auto, 0).parts
        for one, two in zip(found, split_rows(made, config, 0).parts, strict=True):
            np.testing.assert_array_equal(one, two)
    assert len(split_rows(made, auto.model_copy(update={"test": 300}), 0).parts.test) == 300


def test_labels_that_are_too_few_to_be_held_out_by_values_are_drawn():
    values = np.random.default_rng(1).random((3000, 2))
    labels = ["a", "b"] * 3 + [""] * 2994
    found = split_rows(source(values, labels), DataConfig(test=0.02), 0)
    assert all(len(part) for part in found.parts)
    assert found.holdout == "drawn"
    assert any("too few for rows to be held out by their values" in note for note in found.notes)


def test_a_digest_is_of_values_and_not_of_how_they_are_stored(tmp_path: Path):
    rows = np.random.default_rng(0).integers(-9, 9, (50, 4)).astype(np.int8)
    rows[0] = 0
    made = source(rows.astype(float), ["a", "b"] * 25)
    expected = content_digests(made)
    zeros = made.numbers * 1.0
    zeros[zeros == 0] = -0.0
    np.save(tmp_path / "rows.npy", rows)
    stored = StreamedRows(tmp_path / "rows.npy", 300)  # read in blocks of a few rows
    for numbers in (rows, rows.astype("float32"), zeros, stored):
        np.testing.assert_array_equal(content_digests(replace(made, numbers=numbers)), expected)


def test_missing_values_and_categories_count():
    numbers = np.array([[1.0], [np.nan], [-np.nan], [1.0]])
    made = replace(
        source(numbers, ["a", "b", "a", "b"]),
        categories=np.array([["x"], [""], [""], ["x y"]]),
    )
    digests = content_digests(made)
    assert digests[1] == digests[2]
    assert len(set(digests.tolist())) == 3
    wider = replace(made, categories=made.categories.astype("<U40"))
    np.testing.assert_array_equal(content_digests(wider), digests)


def test_equal_rows_of_a_table_of_few_possible_values_are_different_cases():
    """Three columns of yes and no: all rows are copies of eight, and a split parts them."""
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2, (600, 3)).astype(float)
    made = source(values, rng.choice(["a", "b"], 600).tolist())
    keys, _, notes = row_keys(made)
    assert len(np.unique(keys)) == 600
    assert "8 different rows among 600" in notes[0]
    for config in (DRAWN, STABLE):
        found = split_rows(made, config, 0)
        assert 80 < len(found.parts.test) < 160
        assert notes[0] in found.notes


def test_digests_do_not_collide_and_hold_out_their_share():
    """Neighbouring integers, of which most bits agree."""
    made = source(np.arange(100_000.0)[:, None], ["a", "b"] * 50_000)
    assert len(np.unique(content_digests(made))) == 100_000
    parts = split_rows(made, STABLE, 0).parts
    assert abs(len(parts.test) - 20_000) < 4 * np.sqrt(100_000 * 0.2 * 0.8)
    assert abs(len(parts.validation) - 12_000) < 4 * np.sqrt(100_000 * 0.12 * 0.88)


def test_a_group_larger_than_a_part_leaves_rows_for_the_others():
    groups = np.repeat(["a", "b", "c"], 40)
    made = source(np.random.default_rng(0).random((120, 2)), ["x", "y"] * 60, groups)
    parts = split_rows(made, DRAWN, 0).parts
    assert [len(part) for part in parts] == [40, 40, 40, 40, 40]


def test_two_groups_cannot_train_validate_and_test():
    groups = np.repeat(["a", "b"], 40)
    made = source(np.random.default_rng(0).random((80, 2)), ["x", "y"] * 40, groups)
    with pytest.raises(ValueError, match="3 labelled rows.*stay together count once.*Given: 2"):
        split_rows(made, DRAWN, 0)
