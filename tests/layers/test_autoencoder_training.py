"""Training on real digits with `compile` and `fit`, with every mechanism, tied and untied."""

import keras
import numpy as np
import pytest

from layers import SparseAutoencoder
from layers.sparsity.l1 import L1Penalty
from tests.layers.cases import CORRUPTIONS, MECHANISMS, array, autoencoder


def trained(rows, epochs=3, **arguments):
    """The autoencoder and the losses of its epochs."""
    model = autoencoder(feature_variance=float(rows.var(axis=0).mean()), **arguments)
    model.compile("adam")
    return model, model.fit(rows, epochs=epochs, batch_size=50, verbose=0).history["loss"]


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_fit_lowers_the_loss(mechanism, tied, digits):
    model, losses = trained(digits, mechanism=mechanism, tied=tied)
    assert np.all(np.isfinite(losses))
    assert losses[0] > losses[1] > losses[2]


@pytest.mark.parametrize("corruption", [name for name in CORRUPTIONS if name != "none"])
def test_fit_lowers_the_loss_of_corrupted_rows(corruption, digits):
    _, losses = trained(digits, corruption=corruption)
    assert losses[0] > losses[1] > losses[2]


@pytest.mark.parametrize("loss", ["squared", "crossentropy"])
def test_fit_lowers_the_other_reconstruction_losses(loss, digits):
    _, losses = trained(digits, loss=loss, decoder_activation="sigmoid")
    assert losses[0] > losses[1] > losses[2]


@pytest.mark.parametrize("tied", [False, True])
def test_an_overcomplete_code_can_be_trained(tied, digits):
    _, losses = trained(digits, mechanism="topk", units=150, tied=tied)
    assert losses[0] > losses[1] > losses[2]


@pytest.mark.parametrize("tied", [False, True])
def test_a_unit_norm_decoder_keeps_norm_one_through_training(tied, digits):
    model, _ = trained(digits, tied=tied, unit_norm_decoder=True, epochs=2)
    decoder = array(model.encoder.kernel).T if tied else array(model.decoder.kernel)
    np.testing.assert_allclose(np.linalg.norm(decoder, axis=1), 1, atol=1e-5)


def test_without_the_constraint_norms_move(digits):
    model, _ = trained(digits, epochs=2)
    assert np.ptp(np.linalg.norm(array(model.decoder.kernel), axis=1)) > 0.01


def test_training_twice_from_the_same_seed_ends_with_the_same_weights(digits):
    weights = []
    for _ in range(2):
        keras.utils.set_random_seed(1)
        model, _ = trained(digits, mechanism="batch_topk", corruption="masking", epochs=2)
        weights.append(model.get_weights())
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_strong_l1_penalty_makes_the_code_sparser(digits):
    active = []
    for weight in (0.0, 0.1):
        model = SparseAutoencoder(24, sparsity=L1Penalty(weight), seed=0)
        model.compile("adam")
        model.fit(np.tile(digits, (10, 1)), batch_size=50, verbose=0)
        active.append(np.mean(array(model.encode(digits)) > 0))
    assert active[1] < 0.7 * active[0]
