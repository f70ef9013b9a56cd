"""Numbers through their quantiles to a normal distribution, and back."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtri

from pipeline.config.data import DataConfig
from pipeline.data.features.fitting import bent, fit
from pipeline.data.features.operations import NUMPY
from pipeline.data.features.preprocessing import Preprocessing
from pipeline.data.features.quantiles import FEW, KNOTS
from pipeline.data.source import Column, Source

ROWS = 3_000
QUANTILE = DataConfig(scaling="quantile")


def made(**columns: np.ndarray) -> Source:
    matrix = np.stack(list(columns.values()), axis=1).astype(np.float64)
    return Source(
        name="made",
        origin="made",
        columns=tuple(Column(name, "number") for name in columns),
        numbers=matrix,
        categories=np.empty((len(matrix), 0), "<U1"),
        test=None,
        image_shape=None,
        table=True,
    )


@pytest.fixture
def skewed() -> Source:
    rng = np.random.default_rng(0)
    return made(
        pay=np.exp(3 * rng.normal(size=ROWS)),
        yes=rng.integers(0, 2, ROWS),
        often_zero=np.where(rng.random(ROWS) < 0.9, 0, rng.gamma(1, 1e6, ROWS)),
        far=1.764e12 + 200.0 * rng.permutation(ROWS),
    )


def fitted(source: Source, config: DataConfig = QUANTILE, rows: int | None = None):
    return fit(source, np.arange(rows or source.rows), config)


def scaled(source: Source, preprocessing: Preprocessing) -> np.ndarray:
    return preprocessing.apply(source.numbers, source.categories)


def test_a_skewed_column_becomes_normal_and_keeps_its_order(skewed: Source):
    found = scaled(skewed, fitted(skewed))
    for column in (0, 3):
        order = np.argsort(skewed.numbers[:, column])
        assert (np.diff(found[order, column]) > 0).all()
        expected = ndtri((np.arange(ROWS) + 0.5) / ROWS)
        inner = slice(ROWS // 100, -ROWS // 100)
        np.testing.assert_allclose(found[order, column][inner], expected[inner], atol=0.05)


def test_a_value_that_many_rows_have_is_where_the_middle_of_them_is(skewed: Source):
    found = scaled(skewed, fitted(skewed))[:, 2]
    zeros = skewed.numbers[:, 2] == 0
    assert len(np.unique(found[zeros])) == 1
    assert found[zeros][0] == pytest.approx(ndtri(zeros.mean() / 2), abs=1e-5)


def test_columns_of_few_values_and_dates_get_mean_0_and_deviation_1(skewed: Source):
    few = np.tile(np.arange(FEW), ROWS // FEW)
    more = np.tile(np.arange(FEW + 1), ROWS // FEW)[:ROWS]
    source = made(few=few, more=more, day=skewed.numbers[:, 3])
    source = replace(source, columns=(*source.columns[:2], Column("day", "date")))
    by_quantile, standard = fitted(source), fitted(source, DataConfig(scaling="standard"))
    assert by_quantile.quantiles.positions.tolist() == [1]
    found, expected = scaled(source, by_quantile), scaled(source, standard)
    np.testing.assert_array_equal(found[:, [0, 2]], expected[:, [0, 2]])
    (note,) = bent(by_quantile)
    assert "1 of 2 are such columns" in note
    assert bent(standard) == []


def test_tables_have_it_by_default_and_arrays_do_not(skewed: Source):
    assert len(fitted(skewed, DataConfig()).quantiles.positions) == 3
    assert len(fitted(replace(skewed, table=False), DataConfig()).quantiles.positions) == 0


def test_no_other_row_has_any_influence(skewed: Source):
    other = replace(skewed, numbers=skewed.numbers.copy())
    other.numbers[1_000:] *= -7
    one, another = (fitted(source, rows=1_000).to_json() for source in (skewed, other))
    assert one == another


def test_raw_numbers_come_back_also_beyond_those_of_training(skewed: Source):
    preprocessing = fitted(skewed, rows=1_000)
    beyond = np.concatenate([skewed.numbers, 3 * skewed.numbers, -skewed.numbers])
    features = preprocessing.scaled_again(beyond)
    back = preprocessing.originals(features, NUMPY)
    np.testing.assert_allclose(
        back / preprocessing.scale, beyond / preprocessing.scale, rtol=1e-9, atol=1e-12
    )
    order = np.argsort(beyond[:, 0])
    assert (np.diff(features[order, 0]) >= 0).all()


def test_beyond_the_last_training_row_a_column_goes_on_by_the_logarithm(skewed: Source):
    preprocessing = fitted(skewed)
    through = preprocessing.quantiles.positions
    greatest = skewed.numbers.max(axis=0)
    steps = greatest + np.array([[0], [1], [1e6]]) * preprocessing.scale
    found = preprocessing.scaled_again(steps)[:, through]
    np.testing.assert_allclose(found[1] - found[0], np.log(2), atol=1e-6)
    np.testing.assert_allclose(found[2] - found[0], np.log(1e6 + 1), atol=1e-6)


def test_numpy_and_tensorflow_agree_there_and_back(skewed: Source):
    import tensorflow as tf

    from pipeline.export.signatures.raw_rows import TENSORFLOW, features_of

    preprocessing = fitted(skewed, rows=1_000)
    rows = np.concatenate([skewed.numbers, 1e6 * skewed.numbers, np.full((1, 4), np.nan)])
    words = np.empty((len(rows), 0), "<U1")
    by_numpy = preprocessing.apply(rows, words)
    by_tensorflow = features_of(preprocessing, tf.constant(rows), tf.constant(words)).numpy()
    np.testing.assert_allclose(by_tensorflow, by_numpy, rtol=1e-6, atol=1e-6, strict=True)
    assert by_numpy[-1, 0] == pytest.approx(0, abs=0.01)  # the median
    back = preprocessing.originals(tf.constant(by_numpy), TENSORFLOW).numpy()
    np.testing.assert_allclose(back, preprocessing.originals(by_numpy, NUMPY), rtol=1e-12)


def test_the_json_form_is_small_and_keeps_every_bit(skewed: Source):
    preprocessing = fitted(skewed)
    assert preprocessing.quantiles.numbers.shape[1] <= KNOTS + 2
    again = Preprocessing.from_json(json.loads(json.dumps(preprocessing.to_json())))
    for one, other in zip(again.quantiles, preprocessing.quantiles, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)
