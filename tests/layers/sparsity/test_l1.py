"""The L1 penalty: weight * mean over rows of the summed absolute code."""

import numpy as np
import pytest

from layers.sparsity.l1 import L1Penalty
from tests.layers.cases import SHAPES, respond
from tests.layers.gradients import gradients


def test_the_l1_penalty_of_a_small_code_is_the_one_worked_out_by_hand():
    code, loss = respond(L1Penalty(weight=0.5), [[1.0, -2.0, 0.0], [0.0, 4.0, 1.0]])
    assert loss == pytest.approx(0.5 * (3 + 5) / 2)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_an_l1_penalty_leaves_the_code_alone_and_agrees_with_numpy(shape, training):
    activations = np.random.default_rng(0).normal(size=shape).astype("float32")
    code, loss = respond(L1Penalty(weight=0.3), activations, training)
    np.testing.assert_array_equal(code, activations)
    assert loss == pytest.approx(0.3 * np.abs(activations).sum() / shape[0], rel=1e-5)


def test_an_l1_penalty_pulls_every_activation_towards_zero_with_the_same_strength():
    activations = np.array([[3.0, -0.1], [-2.0, 0.2]], "float32")
    of_activations, _ = gradients(L1Penalty(weight=0.5), activations, np.zeros_like(activations))
    np.testing.assert_allclose(of_activations, 0.5 * np.sign(activations) / 2)


def test_a_negative_l1_weight_is_refused():
    with pytest.raises(ValueError, match="weight >= 0.*Received: weight=-1"):
        L1Penalty(weight=-1)
