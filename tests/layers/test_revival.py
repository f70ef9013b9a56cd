"""Dead units, and what revival does to them and not to the others."""

import numpy as np
import pytest

from layers import dead_units, revive
from tests.layers.cases import MECHANISMS, array, autoencoder

DEAD = [1, 4, 17]
ALIVE = [unit for unit in range(24) if unit not in DEAD]


def with_dead_units(rows, mechanism="none", **arguments):
    """A briefly trained autoencoder of 24 units, three of them made dead."""
    variance = float(rows.var(axis=0).mean())
    model = autoencoder(mechanism, units=24, feature_variance=variance, **arguments)
    for start in range(0, 300, 50):
        model(rows[start : start + 50], training=True)
    bias = array(model.encoder.bias)
    bias[DEAD] = -100
    model.encoder.bias.assign(bias)
    return model


def hand_set(kernel, bias, rows, **arguments):
    """An autoencoder with this encoder, whose decoder gives nothing."""
    model = autoencoder(units=len(bias), **arguments)
    model.build(rows.shape)
    model.encoder.kernel.assign(kernel)
    model.encoder.bias.assign(bias)
    model.decoder.kernel.assign(np.zeros_like(array(model.decoder.kernel)))
    return model


def test_dead_units_are_those_active_for_no_row():
    rows = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]], "float32")
    model = hand_set([[1.0, 0.0, -1.0, 0.0], [0.0, 1.0, -1.0, 0.0]], [0.0, -2, 0, 0], rows)
    assert dead_units(model, rows).tolist() == [2, 3]
    assert dead_units(model, rows[:2]).tolist() == [1, 2, 3]


@pytest.mark.parametrize("unit_norm_decoder", [False, True])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_dead_units_live_again_and_the_others_are_untouched(
    mechanism, tied, unit_norm_decoder, digits
):
    model = with_dead_units(digits, mechanism, tied=tied, unit_norm_decoder=unit_norm_decoder)
    dead = dead_units(model, digits)
    assert set(DEAD) <= set(dead)
    alive = [unit for unit in range(24) if unit not in dead]
    assert alive
    kernel, bias = array(model.encoder.kernel), array(model.encoder.bias)
    decoder = [array(weight) for weight in model.decoder.weights]

    assert revive(model, digits, seed=0) == len(dead)

    assert not set(dead) & set(dead_units(model, digits))
    np.testing.assert_array_equal(array(model.encoder.kernel)[:, alive], kernel[:, alive])
    np.testing.assert_array_equal(array(model.encoder.bias)[alive], bias[alive])
    if tied:
        np.testing.assert_array_equal(array(model.decoder.bias), decoder[0])
    else:
        np.testing.assert_array_equal(array(model.decoder.kernel)[alive], decoder[0][alive])
        np.testing.assert_array_equal(array(model.decoder.bias), decoder[1])
    if unit_norm_decoder:
        kernel = array(model.encoder.kernel).T if tied else array(model.decoder.kernel)
        np.testing.assert_allclose(np.linalg.norm(kernel, axis=1), 1, atol=1e-5)


def test_a_revived_unit_points_at_the_badly_reconstructed_row():
    # Only the last row has an error, so it is the one picked. The second unit is 5 on that row:
    # the first must be 5 there too, -5 at the mean row, and 0 half-way between.
    rows = np.array([[0, 0], [0, 0], [0, 0], [3, 4]], "float32")
    model = hand_set([[0.0, 0.6], [0.0, 0.8]], [-100.0, 0.0], rows)
    assert revive(model, rows, seed=0) == 1
    mean = rows.mean(axis=0)
    probes = np.stack([rows[-1], mean, (mean + rows[-1]) / 2])
    excitation = probes @ array(model.encoder.kernel)[:, 0] + array(model.encoder.bias)[0]
    np.testing.assert_allclose(excitation, [5, -5, 0], atol=1e-5)


def test_rows_are_picked_in_proportion_to_their_squared_error():
    # Errors 1 and 9 on two axes: nine revivals in ten start at the second row.
    rows = np.array([[1, 0], [0, 3]], "float32")
    second = 0
    model = hand_set([[0.0], [0.0]], [-100.0], rows)
    unit = model.get_weights()
    for seed in range(300):
        model.set_weights(unit)
        revive(model, rows, seed)
        second += array(model.encoder.kernel)[1, 0] > 0
    assert abs(second / 300 - 0.9) < 5 * np.sqrt(0.9 * 0.1 / 300)


@pytest.mark.parametrize("mechanism", ["none", "l1", "jumprelu"])
def test_where_units_do_not_compete_revival_leaves_reconstructions_as_they_are(mechanism, digits):
    model = with_dead_units(digits, mechanism)
    before = array(model(digits)["reconstruction"])
    revive(model, digits, seed=0)
    np.testing.assert_allclose(array(model(digits)["reconstruction"]), before, atol=1e-5)


def test_revived_units_start_at_different_rows(digits):
    # Two units that start alike get the same gradients and stay alike for good.
    model = autoencoder(units=200)
    model.build(digits.shape)
    model.encoder.bias.assign(np.full(200, -100.0))
    assert revive(model, digits, seed=0) == 200
    directions = array(model.encoder.kernel).T
    assert len(np.unique(directions.round(5), axis=0)) == 200


def test_more_dead_units_than_rows_can_be_revived(digits):
    model = autoencoder(units=50)
    model.build(digits.shape)
    model.encoder.bias.assign(np.full(50, -100.0))
    assert revive(model, digits[:10], seed=0) == 50
    assert len(dead_units(model, digits[:10])) == 0


@pytest.mark.parametrize("tied", [False, True])
def test_revival_at_a_row_that_is_the_mean_row_gives_finite_weights(tied):
    rows = np.ones((4, 3), "float32")
    model = autoencoder(units=2, tied=tied, unit_norm_decoder=True)
    model.build(rows.shape)
    model.encoder.bias.assign([-100.0, -100.0])
    revive(model, rows, seed=0)
    assert all(np.all(np.isfinite(weight)) for weight in model.get_weights())


def test_the_same_seed_revives_in_the_same_way_and_another_seed_in_another(digits):
    kernels = []
    for seed in (0, 0, 1):
        model = with_dead_units(digits)
        revive(model, digits, seed)
        kernels.append(array(model.encoder.kernel))
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert np.any(kernels[0] != kernels[2])


def test_where_no_unit_is_dead_nothing_changes(digits):
    model = autoencoder(units=24, activation="tanh")
    model.build(digits.shape)
    before = model.get_weights()
    assert revive(model, digits, seed=0) == 0
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_where_rows_are_reconstructed_perfectly_no_unit_is_needed():
    rows = np.zeros((4, 2), "float32")
    model = hand_set([[0.0], [0.0]], [-100.0], rows)
    assert revive(model, rows, seed=0) == 0


@pytest.mark.parametrize("tied", [False, True])
def test_revival_between_short_fits_leaves_fewer_dead_units_than_none(tied, digits):
    dead = {}
    for with_revival in (False, True):
        model = autoencoder("topk", units=128, tied=tied, seed=1)
        model.compile("adam")
        for period in range(5):
            if with_revival and period:
                revive(model, digits, seed=period)
            model.fit(np.tile(digits, (4, 1)), batch_size=50, verbose=0)
        dead[with_revival] = len(dead_units(model, digits)) / 128
    assert dead[False] > 0.1, "nothing dies here, so nothing is shown"
    assert dead[True] < 0.7 * dead[False]
