"""k-sparse codes: the k largest activations of each row."""

import numpy as np
import pytest
from keras import ops

from layers.sparsity.topk import TopK
from tests.layers.cases import SHAPES, respond
from tests.layers.gradients import gradients


def reference(activations, k):
    """Sort each row, keep the last k."""
    code = np.zeros_like(activations)
    for row, kept in enumerate(np.argsort(activations, axis=-1)[:, -k:]):
        code[row, kept] = activations[row, kept]
    return code


def test_the_k_largest_of_each_row_stay_and_the_rest_is_zero():
    code, loss = respond(TopK(k=2), [[3.0, 1.0, 2.0, 0.5], [0.0, 0.1, 0.2, 9.0]])
    np.testing.assert_array_equal(
        code, np.array([[3.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.2, 9.0]], "float32")
    )
    assert loss == 0


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("shape", SHAPES)
def test_topk_agrees_with_numpy_in_training_and_outside(shape, k, training):
    activations = np.random.default_rng(3).normal(size=shape).astype("float32")
    code, _ = respond(TopK(k), activations, training)
    np.testing.assert_array_equal(code, reference(activations, k))


@pytest.mark.parametrize("training", [True, False])
def test_of_activations_that_tie_with_the_kth_largest_the_first_are_kept(training):
    code, _ = respond(TopK(k=2), [[3.0, 1.0, 1.0, 0.0], [1.0, 2.0, 3.0, 0.0]], training)
    np.testing.assert_array_equal(code, [[3.0, 1.0, 0.0, 0.0], [0.0, 2.0, 3.0, 0.0]])


@pytest.mark.parametrize("training", [True, False])
def test_products_in_bfloat16_keep_k_activations_too(training):
    # Of 512 such values some hundred are equal to another one.
    exact = np.random.default_rng(6).normal(size=(64, 512))
    rounded = ops.convert_to_numpy(ops.cast(ops.cast(exact, "bfloat16"), "float32"))
    assert (rounded >= np.sort(rounded)[:, [-120]]).sum(axis=1).max() > 121
    code, _ = respond(TopK(120), rounded, training)
    assert set(np.count_nonzero(code, axis=1)) == {120}


def test_gradients_reach_the_units_that_are_kept_and_no_others():
    activations = np.random.default_rng(4).normal(size=(6, 9)).astype("float32")
    upstream = np.random.default_rng(5).normal(size=(6, 9)).astype("float32")
    of_activations, _ = gradients(TopK(k=3), activations, upstream)
    np.testing.assert_array_equal(of_activations, upstream * (reference(activations, 3) != 0))


def test_a_k_below_one_is_refused():
    with pytest.raises(ValueError, match="k >= 1.*Received: k=0"):
        TopK(k=0)


def test_a_k_above_the_number_of_units_is_refused():
    with pytest.raises(ValueError, match="k <= units = 4.*Received: k=5"):
        TopK(k=5)(np.zeros((2, 4), "float32"))
