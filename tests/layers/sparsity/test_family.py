"""What every sparsity mechanism promises, those that come later too."""

from functools import partial

import numpy as np
import pytest

from layers.sparsity.kth_largest import kth_largest_by_sort
from layers.sparsity.largest import largest
from tests.layers.cases import LAYERS, LIMITS, PENALTIES, SHAPES, array, respond, total_loss

ACTIVATIONS = np.random.default_rng(0).random((40, 12)).astype("float32")
each = pytest.mark.parametrize("mechanism", LAYERS)


def in_use(mechanism):
    """A layer that has seen a training batch, so that its thresholds are set."""
    layer = LAYERS[mechanism]()
    layer(ACTIVATIONS, training=True)
    return layer


@each
def test_it_limits_the_code_or_adds_a_loss(mechanism):
    assert mechanism in LIMITS or mechanism in PENALTIES


@each
@pytest.mark.parametrize("training", [False, True])
def test_a_hard_limit_zeroes_activations_and_a_penalty_leaves_them(mechanism, training):
    code, _ = respond(in_use(mechanism), ACTIVATIONS, training)
    kept = code == ACTIVATIONS
    assert (kept | (code == 0)).all()
    assert kept.all() == (mechanism not in LIMITS)


@each
@pytest.mark.parametrize("training", [False, True])
def test_the_loss_that_is_added_is_the_penalty(mechanism, training):
    layer = in_use(mechanism)
    penalty = layer.penalty(ACTIVATIONS)
    layer(ACTIVATIONS, training=training)
    assert total_loss(layer) == pytest.approx(0 if penalty is None else float(penalty))
    assert (mechanism in PENALTIES) == (total_loss(layer) > 0)


@each
def test_outside_training_a_row_s_code_depends_on_that_row_alone(mechanism):
    layer = in_use(mechanism)
    together, _ = respond(layer, ACTIVATIONS)
    alone = np.concatenate([respond(layer, row[None])[0] for row in ACTIVATIONS])
    np.testing.assert_array_equal(alone, together)


@each
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_any_other_search_for_the_largest_gives_the_same_code(mechanism, training, shape):
    activations = np.random.default_rng(1).normal(size=shape).astype("float32")
    search = partial(largest, find=kth_largest_by_sort)
    plain, other = LAYERS[mechanism](), LAYERS[mechanism]()
    expected = array(plain(activations, training=training))
    got = array(other(activations, training=training, search=search))
    np.testing.assert_array_equal(got, expected)


@each
def test_restarting_units_changes_nothing_of_the_others(mechanism):
    layer = in_use(mechanism)
    before = [array(weight) for weight in layer.weights]
    layer.restart(np.array([1, 7]))
    others = [unit for unit in range(12) if unit not in (1, 7)]
    for weight, then in zip(layer.weights, before, strict=True):
        now = array(weight)
        np.testing.assert_array_equal(now[others] if now.shape == (12,) else now,
                                      then[others] if then.shape == (12,) else then)  # fmt: skip
