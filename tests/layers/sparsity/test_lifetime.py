"""Lifetime sparsity: the largest activations of each unit over the batch, then a threshold."""

import numpy as np
import pytest

from layers.sparsity.lifetime import LifetimeSparsity
from tests.layers.cases import SHAPES, array, autoencoder, respond
from tests.layers.gradients import gradients


def reference(activations, kept):
    """Sort each column, keep the last rows; also the smallest that each column kept."""
    code = np.zeros_like(activations)
    for unit, rows in enumerate(np.argsort(activations, axis=0)[-kept:].T):
        code[rows, unit] = activations[rows, unit]
    return code, np.sort(activations, axis=0)[-kept]


def test_each_unit_keeps_its_largest_rows():
    activations = [[4.0, 0.1], [3.0, 0.4], [2.0, 0.3], [1.0, 0.2]]
    code, loss = respond(LifetimeSparsity(proportion=0.5), activations, training=True)
    np.testing.assert_array_equal(
        code, np.array([[4.0, 0.0], [3.0, 0.4], [0.0, 0.3], [0.0, 0.0]], "float32")
    )
    assert loss == 0


@pytest.mark.parametrize("proportion", [0.05, 0.25, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_lifetime_agrees_with_numpy_in_training_and_after_it(shape, proportion):
    activations = np.random.default_rng(11).normal(size=shape).astype("float32")
    layer = LifetimeSparsity(proportion)
    code, _ = respond(layer, activations, training=True)
    expected, thresholds = reference(activations, int(np.ceil(shape[0] * proportion)))
    np.testing.assert_array_equal(code, expected)
    np.testing.assert_array_equal(array(layer.threshold.value), thresholds)

    others = np.random.default_rng(12).normal(size=shape).astype("float32")
    code, _ = respond(layer, others)
    np.testing.assert_array_equal(code, np.where(others >= thresholds, others, 0))


@pytest.mark.parametrize(
    ("rows", "proportion", "kept"),
    [(100, 0.07, 7), (100, 0.29, 29), (10, 0.3, 3), (10, 0.31, 4), (3, 0.01, 1), (1000, 0.001, 1)],
)
def test_the_share_of_the_rows_is_rounded_up_and_not_by_a_rounding_error(rows, proportion, kept):
    activations = np.arange(1.0, rows + 1)[:, None]
    code, _ = respond(LifetimeSparsity(proportion), activations, training=True)
    assert np.count_nonzero(code) == kept


def test_in_training_a_row_s_code_depends_on_the_rows_beside_it():
    row = [1.0, 2.0]
    alone, _ = respond(LifetimeSparsity(proportion=0.5), [row], training=True)
    beside, _ = respond(LifetimeSparsity(proportion=0.5), [row, [5.0, 1.0]], training=True)
    np.testing.assert_array_equal(alone, [[1.0, 2.0]])
    np.testing.assert_array_equal(beside[0], [0.0, 2.0])


def test_outside_training_a_row_alone_has_the_code_it_has_in_a_batch():
    layer = LifetimeSparsity(proportion=0.2)
    rows = np.random.default_rng(13).normal(size=(20, 6)).astype("float32")
    respond(layer, rows, training=True)
    together, _ = respond(layer, rows)
    alone = np.concatenate([respond(layer, rows[i : i + 1])[0] for i in range(20)])
    np.testing.assert_array_equal(alone, together)
    assert 0 < np.count_nonzero(together) < together.size


def test_calls_outside_training_leave_the_thresholds_alone():
    layer = LifetimeSparsity(proportion=0.5)
    respond(layer, [[1.0, 2.0], [3.0, 1.0]], training=True)
    respond(layer, [[10.0, 20.0], [30.0, 10.0]])
    np.testing.assert_array_equal(array(layer.threshold.value), [3.0, 2.0])


def test_gradients_reach_the_activations_that_are_kept_and_no_others():
    activations = np.random.default_rng(14).normal(size=(8, 5)).astype("float32")
    upstream = np.random.default_rng(15).normal(size=(8, 5)).astype("float32")
    of_activations, _ = gradients(LifetimeSparsity(proportion=0.25), activations, upstream)
    np.testing.assert_array_equal(of_activations, upstream * (reference(activations, 2)[0] != 0))


def test_after_training_on_digits_the_fixed_thresholds_keep_codes_about_as_sparse(digits):
    model = autoencoder("lifetime", units=64, feature_variance=float(digits.var(axis=0).mean()))
    model.compile("adam")
    model.fit(np.tile(digits, (30, 1)), epochs=2, batch_size=60, verbose=0)
    # A ReLU unit that is zero on most rows keeps fewer than the proportion, in training too.
    batches = np.split(digits, 5)
    in_training = np.concatenate([array(model.encode(batch, training=True)) for batch in batches])
    outside = array(model.encode(digits))
    assert np.mean(in_training > 0) <= 0.25
    assert np.mean(outside > 0) == pytest.approx(np.mean(in_training > 0), rel=0.2)
    assert np.mean(outside > 0) < 0.6 * np.mean(array(model.encoder(digits)) > 0)


@pytest.mark.parametrize("proportion", [0.0, 1.1])
def test_a_proportion_that_is_no_proportion_is_refused(proportion):
    with pytest.raises(ValueError, match=f"0 < proportion <= 1.*proportion={proportion}"):
        LifetimeSparsity(proportion)
