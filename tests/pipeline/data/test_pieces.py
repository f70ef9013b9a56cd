"""Numbers in pieces: the piecewise-linear encoding."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.features import fitting
from pipeline.data.features.fitting import bent, fit
from pipeline.data.features.operations import NUMPY
from pipeline.data.features.preprocessing import Preprocessing
from pipeline.data.source import Column, Source

ROWS = 1_000


@pytest.fixture
def made() -> Source:
    rng = np.random.default_rng(0)
    numbers = [rng.permutation(ROWS), rng.integers(0, 3, ROWS), np.exp(3 * rng.normal(size=ROWS))]
    return Source(
        name="made",
        origin="made",
        columns=(*(Column(name, "number") for name in "abc"), Column("d", "category")),
        numbers=np.stack(numbers, axis=1).astype(np.float64),
        categories=rng.choice(["x", "y"], (ROWS, 1)),
        test=None,
        image_shape=None,
        table=True,
    )


def fitted(source: Source, rows: int = ROWS, **settings) -> Preprocessing:
    return fit(source, np.arange(rows), DataConfig(**settings))


def features(source: Source, preprocessing: Preprocessing) -> dict[str, np.ndarray]:
    found = preprocessing.apply(source.numbers, source.categories)
    return dict(zip(preprocessing.feature_names, found.T, strict=True))


def test_a_number_fills_its_pieces_from_low_to_high(made: Source):
    preprocessing = fitted(made, pieces=4, scaling="minmax")
    found = features(made, preprocessing)
    assert [*found] == [
        "a", "b", "c", "d=x", "d=y",
        *(f"{name}, piece {n} of 4" for name in "ac" for n in (1, 2, 3, 4)),
    ]  # fmt: skip
    shares = np.stack([found[f"a, piece {n} of 4"] for n in (1, 2, 3, 4)], axis=1)
    np.testing.assert_allclose(shares.sum(axis=1), 4 * found["a"], atol=1e-5)  # equal pieces
    at = 0.6 * (ROWS - 1)
    row = np.argmin(np.abs(made.numbers[:, 0] - at))
    np.testing.assert_allclose(shares[row], [1, 1, 0.4, 0], atol=0.01)


def test_every_piece_has_equally_many_rows(made: Source):
    found = features(made, fitted(made, pieces=5))
    for name in "ac":
        inside = [
            ((found[f"{name}, piece {n} of 5"] > 0) & (found[f"{name}, piece {n} of 5"] < 1)).sum()
            for n in range(1, 6)
        ]
        assert inside == pytest.approx([ROWS / 5] * 5, abs=3)


def test_the_outer_pieces_go_on_beyond_the_training_rows(made: Source):
    preprocessing = fitted(made, pieces=4)
    beyond = made.numbers[:2].copy()
    beyond[:, 0] = [-ROWS, 2 * ROWS]
    found = features(replace(made, numbers=beyond, categories=made.categories[:2]), preprocessing)
    assert found["a, piece 1 of 4"][0] < 0 == found["a, piece 4 of 4"][0]
    assert found["a, piece 4 of 4"][1] > 1 == found["a, piece 1 of 4"][1]


def test_tables_have_eight_by_default_unless_they_are_wide(made: Source, monkeypatch):
    assert len(fitted(made).pieces.positions) == 2 * fitting.PIECES == 16
    assert "in pieces" in bent(fitted(made))[0]
    assert "in pieces" not in bent(fitted(made, pieces=0))[0]
    for other in (fitted(replace(made, table=False)), fitted(made, scaling="standard")):
        assert len(other.pieces.positions) == 0
    monkeypatch.setattr(fitting, "MANY_COLUMNS", 1)
    assert len(fitted(made).pieces.positions) == 0


def test_a_value_that_many_rows_have_makes_no_fewer_pieces(made: Source):
    """Else a stack would not serve other rows of the column, whose pieces were others."""
    made.numbers[: 7 * ROWS // 10, 2] = 0
    pieces = fitted(made, pieces=4, scaling="minmax").pieces
    assert [of for column, _, of in pieces.numbered if column == 2] == [4, 4, 4, 4]
    different = np.unique(made.numbers[:, 2]) / made.numbers[:, 2].max()
    ends = np.quantile(different, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(pieces.high[pieces.positions == 2], ends)


def test_no_other_row_has_any_influence(made: Source):
    other = replace(made, numbers=made.numbers.copy())
    other.numbers[500:] *= -7
    one, another = (fitted(source, 500).pieces.to_json() for source in (made, other))
    assert one == another


def test_pieces_belong_to_their_column_and_leave_the_way_back_as_it_is(made: Source):
    preprocessing = fitted(made, pieces=4)
    columns = preprocessing.column_of_features
    assert columns == (0, 1, 2, 3, 3, 0, 0, 0, 0, 2, 2, 2, 2)
    exact = preprocessing.exactly_scaled(made.numbers, NUMPY)
    rest = np.zeros((ROWS, len(columns) - 3))
    back = preprocessing.originals(np.concatenate([exact, rest], axis=1), NUMPY)
    assert preprocessing.original_names == ("a", "b", "c", "d=x", "d=y")
    assert back.shape == (ROWS, 5)
    np.testing.assert_allclose(back[:, :3], made.numbers, rtol=1e-9)


@pytest.mark.parametrize("scaling", ["quantile", "standard", "none"])
def test_numpy_and_tensorflow_agree_and_the_json_form_keeps_every_bit(made: Source, scaling: str):
    import tensorflow as tf

    from pipeline.export.signatures.raw_rows import features_of

    preprocessing = fitted(made, 500, scaling=scaling, pieces=8)
    again = Preprocessing.from_json(json.loads(json.dumps(preprocessing.to_json())))
    rows = np.concatenate([made.numbers, 100 * made.numbers, np.full((1, 3), np.nan)])
    words = np.resize(made.categories, (len(rows), 1))
    expected = preprocessing.apply(rows, words)
    np.testing.assert_array_equal(again.apply(rows, words), expected)
    found = features_of(again, tf.constant(rows), tf.constant(words)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6, strict=True)
