"""`evaluate` against NumPy in one go, though the metrics are accumulated in uneven batches."""

import numpy as np
import pytest

from tests.layers.cases import array, autoencoder


def evaluated(model, rows, batch_size):
    model.compile("adam")
    return model.evaluate(rows, batch_size=batch_size, verbose=0, return_dict=True)


def with_dead_units(activation, rows):
    """An autoencoder of 20 units, three of which are active for no row."""
    model = autoencoder(units=20, activation=activation)
    model.build(rows.shape)
    bias = np.zeros(20)
    bias[[2, 5, 11]] = -100
    model.encoder.bias.assign(bias)
    return model


@pytest.mark.parametrize("batch_size", [300, 128, 7])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_every_metric_agrees_with_numpy_at_every_batch_size(activation, batch_size, digits):
    model = with_dead_units(activation, digits)
    found = evaluated(model, digits, batch_size)
    output = model(digits)
    code = array(output["code"]).astype("float64")
    squared = (digits - array(output["reconstruction"]).astype("float64")) ** 2
    active = code > (0.5 if activation == "sigmoid" else 0)
    spread = (digits.astype("float64") - digits.mean(axis=0, dtype="float64")) ** 2
    expected = {
        "loss": squared.mean(),
        "reconstruction_error": squared.mean(),
        "explained_variance": 1 - squared.sum() / spread.sum(),
        "active_fraction": active.mean(),
        "mean_activation": code.mean(),
        "dead_fraction": np.mean(~active.any(axis=0)),
    }
    assert expected["dead_fraction"] >= 0.15
    assert 0.1 < expected["active_fraction"] < 0.9
    assert set(found) == set(expected)
    for name in set(expected) - {"loss", "mean_activation"}:
        assert found[name] == pytest.approx(expected[name], rel=1e-4), name
    # Keras weighs these two by batch and by value.
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-4)
    assert found["mean_activation"] == pytest.approx(expected["mean_activation"], rel=1e-4)


def test_a_perfect_reconstruction_explains_all_variance_and_the_mean_row_none(digits):
    model = autoencoder(units=64, activation="linear")
    model.build(digits.shape)
    model.encoder.kernel.assign(np.eye(64))
    model.decoder.kernel.assign(np.eye(64))
    assert evaluated(model, digits, 64)["explained_variance"] == pytest.approx(1, abs=1e-6)
    model.decoder.kernel.assign(np.zeros((64, 64)))
    model.decoder.bias.assign(digits.mean(axis=0))
    assert evaluated(model, digits, 64)["explained_variance"] == pytest.approx(0, abs=1e-5)


def test_explained_variance_survives_columns_far_from_zero(digits):
    # Sums of squares around 1e8 leave single precision nothing of a variance around 1.
    rows = digits + 1e3
    model = autoencoder(units=4, activation="linear")
    model.build(rows.shape)
    model.decoder.kernel.assign(np.zeros((4, 64)))
    model.decoder.bias.assign(rows.mean(axis=0) + 0.5)
    expected = 1 - (digits.var(axis=0) + 0.25).sum() / digits.var(axis=0).sum()
    found = evaluated(model, rows, 32)["explained_variance"]
    assert found == pytest.approx(expected, rel=2e-3)


def test_a_unit_is_dead_only_when_no_batch_wakes_it(digits):
    # One unit is active for the last row alone: it must count as alive.
    rows = np.zeros((10, 3), "float32")
    rows[-1] = 1
    model = autoencoder(units=2)
    model.build(rows.shape)
    model.encoder.kernel.assign([[1.0, -1.0]] * 3)
    found = evaluated(model, rows, 4)
    assert found["dead_fraction"] == pytest.approx(0.5)
    assert found["active_fraction"] == pytest.approx(1 / 20)


def test_metrics_start_again_with_every_evaluation(digits):
    model = with_dead_units("relu", digits)
    first = evaluated(model, digits[:100], 30)
    evaluated(model, digits[100:], 30)
    again = model.evaluate(digits[:100], batch_size=30, verbose=0, return_dict=True)
    assert again == pytest.approx(first, rel=1e-6)


def test_fit_reports_the_same_metrics(digits):
    model = autoencoder(units=20)
    model.compile("adam")
    history = model.fit(digits, epochs=1, verbose=0).history
    assert set(history) == {
        "loss",
        "reconstruction_error",
        "explained_variance",
        "active_fraction",
        "mean_activation",
        "dead_fraction",
    }
