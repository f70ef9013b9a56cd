"""Batch top-k codes: the k * rows largest activations of a batch, a fixed threshold afterwards."""

import numpy as np
import pytest

from layers.sparsity.batch_topk import BatchTopK
from tests.layers.cases import SHAPES, array, autoencoder, respond
from tests.layers.gradients import gradients


def reference(activations, k):
    """Sort the whole batch, keep the last k * rows; also the smallest of those kept."""
    kept = np.argsort(activations, axis=None)[-k * len(activations) :]
    code = np.zeros(activations.size, activations.dtype)
    code[kept] = activations.ravel()[kept]
    return code.reshape(activations.shape), activations.ravel()[kept[0]]


def test_a_batch_keeps_its_k_times_rows_largest_wherever_they_are():
    code, loss = respond(BatchTopK(k=1), [[3.0, 2.0, 0.1], [0.2, 0.3, 0.4]], training=True)
    np.testing.assert_array_equal(code, [[3.0, 2.0, 0.0], [0.0, 0.0, 0.0]])
    assert loss == 0


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("shape", SHAPES)
def test_batch_topk_agrees_with_numpy_in_training_and_after_it(shape, k):
    activations = np.random.default_rng(6).normal(size=shape).astype("float32")
    layer = BatchTopK(k)
    code, _ = respond(layer, activations, training=True)
    expected, threshold = reference(activations, k)
    np.testing.assert_array_equal(code, expected)
    assert array(layer.threshold.value)[0] == threshold

    others = np.random.default_rng(7).normal(size=shape).astype("float32")
    code, _ = respond(layer, others)
    np.testing.assert_array_equal(code, np.where(others >= threshold, others, 0))


def test_in_training_a_row_s_code_depends_on_the_rows_beside_it():
    row = [1.0, 2.0, 3.0]
    alone, _ = respond(BatchTopK(k=1), [row], training=True)
    beside, _ = respond(BatchTopK(k=1), [row, [7.0, 8.0, 9.0]], training=True)
    np.testing.assert_array_equal(alone, [[0.0, 0.0, 3.0]])
    np.testing.assert_array_equal(beside[0], [0.0, 0.0, 0.0])


def test_outside_training_a_row_alone_has_the_code_it_has_in_a_batch():
    layer = BatchTopK(k=2)
    rows = np.random.default_rng(8).normal(size=(20, 6)).astype("float32")
    respond(layer, rows, training=True)
    together, _ = respond(layer, rows)
    alone = np.concatenate([respond(layer, rows[i : i + 1])[0] for i in range(20)])
    np.testing.assert_array_equal(alone, together)
    assert 0 < np.count_nonzero(together) < together.size


def test_calls_outside_training_leave_the_threshold_alone():
    layer = BatchTopK(k=1)
    respond(layer, [[1.0, 2.0]], training=True)
    respond(layer, [[10.0, 20.0]])
    np.testing.assert_array_equal(array(layer.threshold.value), [2.0])


def test_gradients_reach_the_activations_that_are_kept_and_no_others():
    activations = np.random.default_rng(9).normal(size=(6, 9)).astype("float32")
    upstream = np.random.default_rng(10).normal(size=(6, 9)).astype("float32")
    of_activations, _ = gradients(BatchTopK(k=2), activations, upstream)
    np.testing.assert_array_equal(of_activations, upstream * (reference(activations, 2)[0] != 0))


def test_after_training_on_digits_the_fixed_threshold_keeps_codes_about_as_sparse(digits):
    model = autoencoder("batch_topk", units=64, feature_variance=float(digits.var(axis=0).mean()))
    model.compile("adam")
    # Long enough for the running mean to catch up with the encoder.
    model.fit(np.tile(digits, (30, 1)), epochs=8, batch_size=60, verbose=0)
    active = np.count_nonzero(array(model.encode(digits)), axis=-1).mean()
    assert active == pytest.approx(5, rel=0.05)


def test_a_k_below_one_is_refused():
    with pytest.raises(ValueError, match="k >= 1.*Received: k=-3"):
        BatchTopK(k=-3)


def test_a_k_above_the_number_of_units_is_refused():
    with pytest.raises(ValueError, match="k <= units = 4.*Received: k=5"):
        BatchTopK(k=5)(np.zeros((2, 4), "float32"))
