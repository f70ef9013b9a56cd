"""The Kullback-Leibler regularizer between sparsity proportion and mean activation."""

import numpy as np
import pytest

from layers.sparsity.kl import KLDivergence
from tests.layers.cases import SHAPES, respond
from tests.layers.gradients import gradients


def reference(activations, proportion, weight):
    """Ng, CS294A: weight * sum_j KL(rho || mean activation of unit j), in double precision."""
    mean = activations.astype("float64").mean(axis=0)
    on = proportion * np.log(proportion / mean)
    off = (1 - proportion) * np.log((1 - proportion) / (1 - mean))
    return weight * np.sum(on + off)


def test_the_divergence_of_a_small_code_is_the_one_worked_out_by_hand():
    # Mean activations 3/4 and 1/4 against a proportion of 1/4:
    # 1/4 log(1/3) + 3/4 log(3) = log(3) / 2 for the first unit, nothing for the second.
    _, loss = respond(KLDivergence(proportion=0.25, weight=4.0), [[0.5, 0.1], [1.0, 0.4]])
    assert loss == pytest.approx(4 * np.log(3) / 2, rel=1e-6)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_kl_penalty_leaves_the_code_alone_and_agrees_with_numpy(shape, training):
    activations = np.random.default_rng(1).uniform(0.01, 0.99, shape).astype("float32")
    code, loss = respond(KLDivergence(proportion=0.05, weight=0.3), activations, training)
    np.testing.assert_array_equal(code, activations)
    assert loss == pytest.approx(reference(activations, 0.05, 0.3), rel=1e-5)


def test_a_kl_penalty_is_least_where_the_mean_activation_is_the_proportion():
    activations = np.random.default_rng(2).uniform(0.1, 0.3, (8, 5)).astype("float32")
    proportion = float(activations[:, 2].mean())
    of_activations, _ = gradients(
        KLDivergence(proportion, weight=1.0), activations, np.zeros_like(activations)
    )
    mean = activations.mean(axis=0)
    expected = (-proportion / mean + (1 - proportion) / (1 - mean)) / 8
    np.testing.assert_allclose(of_activations, np.tile(expected, (8, 1)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(of_activations[:, 2], 0, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_unit_that_is_always_off_or_always_on_has_a_large_but_finite_penalty(value):
    _, loss = respond(KLDivergence(proportion=0.5, weight=1.0), np.full((4, 1), value))
    assert 5 < loss < 20


@pytest.mark.parametrize("proportion", [0.0, 1.0, -0.1])
def test_a_proportion_that_is_no_proportion_is_refused(proportion):
    with pytest.raises(ValueError, match=f"0 < proportion < 1.*proportion={proportion}"):
        KLDivergence(proportion=proportion, weight=1.0)


def test_a_negative_kl_weight_is_refused():
    with pytest.raises(ValueError, match="weight >= 0.*Received: weight=-2"):
        KLDivergence(proportion=0.1, weight=-2)
