"""One sparse autoencoder before any training: its maths, its weights, its losses, its errors."""

import numpy as np
import pytest

from layers import SparseAutoencoder
from tests.layers.cases import MECHANISMS, PENALTIES, array, autoencoder, total_loss


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def built(rows, **arguments):
    """An autoencoder for the rows with random biases, as zero biases hide mistakes."""
    model = autoencoder(**arguments)
    model.build(rows.shape)
    rng = np.random.default_rng(0)
    for bias in (model.encoder.bias, model.decoder.bias):
        bias.assign(rng.normal(0, 0.3, bias.shape))
    return model


@pytest.mark.parametrize(
    ("activation", "function"),
    [
        ("relu", lambda x: np.maximum(x, 0)),
        ("sigmoid", sigmoid),
        ("tanh", np.tanh),
        ("linear", lambda x: x),
    ],
)
@pytest.mark.parametrize(
    ("decoder_activation", "decoder_function"), [("linear", lambda x: x), ("sigmoid", sigmoid)]
)
@pytest.mark.parametrize("tied", [False, True])
def test_code_and_reconstruction_agree_with_numpy(
    activation, function, decoder_activation, decoder_function, tied, digits
):
    model = built(
        digits, activation=activation, decoder_activation=decoder_activation, tied=tied, units=30
    )
    output = model(digits)
    kernel, bias = array(model.encoder.kernel), array(model.encoder.bias)
    code = function(digits @ kernel + bias)
    decoder = kernel.T if tied else array(model.decoder.kernel)
    reconstruction = decoder_function(code @ decoder + array(model.decoder.bias))
    np.testing.assert_allclose(array(output["code"]), code, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        array(output["reconstruction"]), reconstruction, rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(array(model.encode(digits)), code, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        array(model.decode(code.astype("float32"))), reconstruction, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("units", [1, 8, 64, 200])
def test_a_code_may_be_narrower_or_wider_than_the_rows(units, tied, digits):
    output = autoencoder(units=units, tied=tied)(digits)
    assert output["code"].shape == (300, units)
    assert output["reconstruction"].shape == (300, 64)


def test_an_untied_autoencoder_has_two_kernels_and_a_tied_one_has_one(digits):
    untied, tied = built(digits, units=10), built(digits, units=10, tied=True)
    assert untied.count_params() == (64 * 10 + 10) + (10 * 64 + 64)
    assert tied.count_params() == (64 * 10 + 10) + 64
    assert [len(untied.trainable_variables), len(tied.trainable_variables)] == [4, 3]


@pytest.mark.parametrize("tied", [False, True])
def test_a_new_encoder_kernel_changes_how_a_code_is_decoded_only_when_tied(tied, digits):
    model = built(digits, units=10, tied=tied)
    code = np.random.default_rng(1).uniform(size=(5, 10)).astype("float32")
    before = array(model.decode(code))
    model.encoder.kernel.assign(2 * array(model.encoder.kernel))
    after = array(model.decode(code))
    if tied:
        bias = array(model.decoder.bias)
        np.testing.assert_allclose(after - bias, 2 * (before - bias), rtol=1e-4, atol=1e-5)
    else:
        np.testing.assert_array_equal(after, before)


def test_the_normalized_loss_of_the_mean_row_is_one(digits):
    variance = float(digits.var(axis=0).mean())
    model = autoencoder(units=3, feature_variance=variance)
    model.build(digits.shape)
    model.decoder.kernel.assign(np.zeros((3, 64)))
    model.decoder.bias.assign(digits.mean(axis=0))
    model(digits)
    assert total_loss(model) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("loss", ["normalized", "squared", "crossentropy"])
def test_each_reconstruction_loss_agrees_with_numpy(loss, training, digits):
    model = built(digits, units=12, loss=loss, feature_variance=0.25, decoder_activation="sigmoid")
    r = array(model(digits, training=training)["reconstruction"]).astype("float64")
    x = digits.astype("float64")
    expected = {
        "normalized": np.mean((x - r) ** 2) / 0.25,
        "squared": np.mean(np.sum((x - r) ** 2, axis=-1) / 2),
        "crossentropy": np.mean(-np.sum(x * np.log(r) + (1 - x) * np.log(1 - r), axis=-1)),
    }[loss]
    assert total_loss(model) == pytest.approx(expected, rel=1e-5)


def test_the_cross_entropy_of_a_certain_and_right_or_wrong_answer_is_finite():
    rows = np.array([[0.0, 1.0]], "float32")
    model = autoencoder(units=1, loss="crossentropy", decoder_activation="sigmoid")
    model.build(rows.shape)
    model.decoder.kernel.assign(np.zeros((1, 2)))
    losses = []
    for bias in ([-200.0, 200.0], [200.0, -200.0]):
        model.decoder.bias.assign(bias)
        model(rows)
        losses.append(total_loss(model))
    assert losses[0] == pytest.approx(0, abs=1e-5)
    # 400 exactly; less where a backend keeps probabilities away from 0 and 1.
    assert 20 < losses[1] < 400.1


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_the_loss_means_the_same_at_every_batch_size(mechanism, tied, digits):
    model = built(digits, mechanism=mechanism, tied=tied, units=20)
    rows = digits[:20]  # a tenth of them, and of their multiples, is a whole number
    losses = []
    for repeats in (1, 2, 5):
        model(np.tile(rows, (repeats, 1)), training=True)
        losses.append(total_loss(model))
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-5)


@pytest.mark.parametrize("mechanism", PENALTIES)
def test_a_penalty_is_added_to_the_reconstruction_loss(mechanism, digits):
    model = built(digits, mechanism=mechanism, units=20)
    output = model(digits, training=True)
    reconstruction_loss = np.mean((digits - array(output["reconstruction"])) ** 2)
    model.sparsity(model.encoder(digits))
    assert total_loss(model.sparsity) > 0
    penalty = total_loss(model.sparsity)
    model(digits, training=True)
    assert total_loss(model) == pytest.approx(reconstruction_loss + penalty, rel=1e-5)


@pytest.mark.parametrize("tied", [False, True])
def test_the_same_seed_gives_the_same_weights_whatever_was_drawn_before(tied, digits):
    models = []
    for seed in (3, 3, 4):
        np.random.normal()
        models.append(autoencoder(units=10, tied=tied, seed=seed))
        models[-1].build(digits.shape)
    first, same, other = (array(model.encoder.kernel) for model in models)
    np.testing.assert_array_equal(first, same)
    assert np.all(first != other)
    if not tied:
        first, same, other = (array(model.decoder.kernel) for model in models)
        np.testing.assert_array_equal(first, same)
        assert np.all(first != other)


def test_first_encoder_weights_have_the_size_that_suits_the_activation(digits):
    relu = autoencoder(units=400, activation="relu")
    tanh = autoencoder(units=400, activation="tanh")
    for model in (relu, tanh):
        model.build(digits.shape)
    assert array(relu.encoder.kernel).std() == pytest.approx(np.sqrt(2 / 64), rel=0.05)
    assert array(tanh.encoder.kernel).std() == pytest.approx(np.sqrt(2 / (64 + 400)), rel=0.05)


@pytest.mark.parametrize("tied", [False, True])
def test_a_unit_norm_decoder_starts_with_norm_one(tied, digits):
    model = built(digits, tied=tied, unit_norm_decoder=True)
    decoder = array(model.encoder.kernel).T if tied else array(model.decoder.kernel)
    np.testing.assert_allclose(np.linalg.norm(decoder, axis=1), 1, atol=1e-5)


def test_a_unit_is_active_above_zero_or_for_a_sigmoid_above_a_half():
    code = np.array([[0.0, 0.2, 0.5, 0.7, -0.3]], "float32")
    active = {
        activation: array(SparseAutoencoder(5, activation=activation).active(code)).tolist()
        for activation in ("relu", "linear", "tanh", "sigmoid")
    }
    assert active["sigmoid"] == [[0, 0, 0, 1, 0]]
    assert active["relu"] == active["linear"] == active["tanh"] == [[0, 1, 1, 1, 1]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "units >= 1.*Received: units=0"),
        ({"activation": "gelu"}, "activation to be one of relu.*Received: activation='gelu'"),
        ({"decoder_activation": "relu"}, "one of linear, sigmoid.*decoder_activation='relu'"),
        ({"loss": "mse"}, "one of normalized, squared, crossentropy.*Received: loss='mse'"),
        ({"loss": "crossentropy"}, "needs decoder_activation='sigmoid'.*='linear'"),
        ({"feature_variance": 0.0}, "feature_variance > 0.*Received: 0.0"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SparseAutoencoder(**{"units": 4, **arguments})
