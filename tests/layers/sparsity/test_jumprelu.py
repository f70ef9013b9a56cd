"""JumpReLU against the equations of Rajamanoharan et al. (2024), written out in NumPy."""

import numpy as np
import pytest

from layers.sparsity.jumprelu import JumpReLU
from tests.layers.cases import SHAPES, array, respond
from tests.layers.gradients import gradients

WEIGHT, BANDWIDTH = 0.7, 0.5


def rectangle(x):
    """Their kernel K: 1 within half a unit of zero."""
    return ((x > -0.5) & (x < 0.5)).astype("float64")


def reference(activations, log_threshold, upstream):
    """Code, loss, and gradients with respect to activations and log-thresholds."""
    z, theta = activations.astype("float64"), np.exp(log_threshold.astype("float64"))
    step = (z > theta).astype("float64")
    code = z * step  # equation 3
    loss = WEIGHT * step.sum(axis=-1).mean()  # the sparsity term of equation 9
    kernel = rectangle((z - theta) / BANDWIDTH)
    jump = np.sum(upstream * -(theta / BANDWIDTH) * kernel, axis=0)  # equation 11
    count = np.sum(WEIGHT / len(z) * -(1 / BANDWIDTH) * kernel, axis=0)  # equation 12
    return code, loss, upstream * step, (jump + count) * theta  # d theta / d log theta = theta


def with_thresholds(log_threshold):
    layer = JumpReLU(WEIGHT, BANDWIDTH)
    layer.build((None, len(log_threshold)))
    layer.log_threshold.assign(log_threshold)
    return layer


def test_activations_above_the_threshold_pass_unchanged_and_are_counted():
    layer = JumpReLU(weight=0.1, initial_threshold=0.5)
    code, loss = respond(layer, [[0.4, 0.6, -1.0], [0.5, 2.0, 0.7], [0.0, 0.1, 0.2]])
    np.testing.assert_array_equal(
        code, np.array([[0.0, 0.6, 0.0], [0.0, 2.0, 0.7], [0.0, 0.0, 0.0]], "float32")
    )
    assert loss == pytest.approx(0.1 * (1 + 2 + 0) / 3)


def test_the_gradients_of_a_small_code_are_the_ones_worked_out_by_hand():
    # Two units with threshold 1: the first activation is 0.2 above it, within half a bandwidth,
    # the second far above. Both pass gradients on; only the first threshold feels anything:
    # -(1 / 0.5) * 3 from the jump and -(0.7 / 0.5) from the count.
    layer = with_thresholds(np.zeros(2, "float32"))
    of_activations, (of_thresholds,) = gradients(
        layer, np.array([[1.2, 4.0]], "float32"), np.array([[3.0, 5.0]], "float32")
    )
    np.testing.assert_allclose(of_activations, [[3.0, 5.0]])
    np.testing.assert_allclose(of_thresholds, [-6.0 - 1.4, 0.0], rtol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_jumprelu_and_its_gradients_agree_with_the_paper(shape):
    rng = np.random.default_rng(16)
    activations = rng.normal(0.5, 0.5, shape).astype("float32")
    log_threshold = rng.normal(-1, 0.5, shape[1]).astype("float32")
    upstream = rng.normal(size=shape).astype("float32")
    layer = with_thresholds(log_threshold)
    code, loss, of_activations, of_thresholds = reference(activations, log_threshold, upstream)
    for training in (True, False):
        given_code, given_loss = respond(layer, activations, training)
        np.testing.assert_allclose(given_code, code, rtol=1e-6)
        assert given_loss == pytest.approx(loss, rel=1e-5)
    given_activations, (given_thresholds,) = gradients(layer, activations, upstream)
    np.testing.assert_allclose(given_activations, of_activations, rtol=1e-5)
    np.testing.assert_allclose(given_thresholds, of_thresholds, rtol=1e-4, atol=1e-5)
    assert np.any(of_thresholds != 0)


def test_training_raises_thresholds_when_only_the_count_matters():
    layer = with_thresholds(np.zeros(1, "float32"))
    near = np.array([[1.1], [0.9]], "float32")
    _, (of_thresholds,) = gradients(layer, near, np.zeros_like(near))
    assert of_thresholds[0] < 0


def test_every_threshold_starts_at_the_initial_one():
    layer = JumpReLU(weight=0.0, initial_threshold=0.25)
    layer.build((None, 3))
    np.testing.assert_allclose(np.exp(array(layer.log_threshold)), [0.25] * 3, rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weight": -1.0}, "weight >= 0.*Received: weight=-1.0"),
        ({"weight": 1.0, "bandwidth": 0.0}, "bandwidth > 0.*Received: bandwidth=0.0"),
        ({"weight": 1.0, "initial_threshold": -0.5}, "initial_threshold > 0.*Received: -0.5"),
    ],
)
def test_impossible_numbers_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        JumpReLU(**arguments)
