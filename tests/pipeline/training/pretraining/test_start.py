"""The first weights of a level from an earlier one that read partly other features."""

from typing import Any

import numpy as np
import pytest

from layers import SparseAutoencoder
from pipeline.config.level import LevelTraining
from pipeline.training.pretraining.level import build_autoencoder
from pipeline.training.pretraining.pretrain import pretrain
from pipeline.training.pretraining.start import Start
from pipeline.training.stack import encode
from tests.mechanisms import activation_for, mechanisms

BEFORE = ["age", "weight", "garden=east", "garden=north"]
NOW = ["garden=west", "weight", "garden=north", "age", "age is missing"]
SHARED = {"age", "weight", "garden=north"}
MECHANISMS = mechanisms(number=2)
SETTINGS: dict[str, dict[str, Any]] = {
    **{
        name: {"sparsity": mechanism, "activation": activation_for(mechanism, 6)}
        for name, mechanism in MECHANISMS.items()
    },
    "tied": {"tied": True},
    "unit norm": {"unit_norm_decoder": True},
    "tied, unit norm": {"tied": True, "unit_norm_decoder": True},
    "sigmoid decoder": {"decoder_activation": "sigmoid"},
}


def level_of(**settings: Any) -> LevelTraining:
    return LevelTraining(units=6, epochs=1, batch_size=16, **settings)


def rows_of(features: int) -> np.ndarray:
    rng = np.random.default_rng(features)
    return rng.normal(loc=0.3, scale=2.0, size=(64, features)).astype("float32")


def earlier_level(settings: dict[str, Any]) -> SparseAutoencoder:
    """One that has every weight, thresholds too, unlike all others."""
    autoencoder = build_autoencoder(level_of(**settings), rows_of(len(BEFORE)), seed=1)
    rng = np.random.default_rng(0)
    autoencoder.set_weights([rng.uniform(0.1, 1, w.shape) for w in autoencoder.get_weights()])
    if autoencoder.unit_norm_decoder:
        layer = autoencoder.encoder if autoencoder.tied else autoencoder.decoder
        layer.kernel.assign(layer.kernel_constraint(layer.kernel))
    return autoencoder


def of_features(autoencoder: SparseAutoencoder) -> list[np.ndarray]:
    """Weights (features, ...): the bias, those of the encoder, and the decoder's if it has own."""
    kernel, _ = autoencoder.encoder.get_weights()
    *decoder, bias = autoencoder.decoder.get_weights()
    return [bias, kernel, *(weights.T for weights in decoder)]


@pytest.mark.parametrize("name", SETTINGS)
def test_shared_features_have_the_earlier_weights_and_new_ones_their_own(name: str):
    earlier = earlier_level(SETTINGS[name])
    autoencoder = build_autoencoder(level_of(**SETTINGS[name]), rows_of(len(NOW)), seed=2)
    fresh = of_features(autoencoder)

    Start.of(earlier, BEFORE, NOW).give(autoencoder)

    expected = [
        np.array([(old[BEFORE.index(f)] if f in SHARED else new[i]) for i, f in enumerate(NOW)])
        for old, new in zip(of_features(earlier), fresh, strict=True)
    ]
    if autoencoder.unit_norm_decoder:
        expected[-1] /= np.linalg.norm(expected[-1], axis=0)
    for taken, weights in zip(of_features(autoencoder), expected, strict=True):
        np.testing.assert_allclose(taken, weights, rtol=1e-5)
    np.testing.assert_array_equal(autoencoder.encoder.bias, earlier.encoder.bias)
    if autoencoder.sparsity and earlier.sparsity:
        learned = zip(autoencoder.sparsity.weights, earlier.sparsity.weights, strict=True)
        for taken, weights in learned:
            np.testing.assert_array_equal(taken, weights)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_same_features_have_the_same_weights_to_the_last_bit(name: str):
    earlier = earlier_level(SETTINGS[name])
    autoencoder = build_autoencoder(level_of(**SETTINGS[name]), rows_of(len(BEFORE)), seed=2)
    Start.of(earlier, BEFORE, BEFORE).give(autoencoder)
    for given, its in zip(autoencoder.get_weights(), earlier.get_weights(), strict=True):
        np.testing.assert_array_equal(given, its)


def test_a_level_that_standardises_begins_with_the_codes_of_the_earlier_one():
    """For rows at the mean of what is new, where what is gone was zero."""
    earlier = earlier_level({})
    still = level_of(standardize=True, learning_rate=1e-12, revive=False)
    rows = rows_of(len(NOW))
    begin = Start.of(earlier, BEFORE, NOW)
    autoencoder = pretrain(still, rows, rows, 0, lambda _: None, start=begin).autoencoder

    new = [NOW.index(feature) for feature in NOW if feature not in SHARED]
    known = np.array(rows)
    known[:, new] = rows.mean(axis=0)[new]
    as_before = np.zeros((len(rows), len(BEFORE)), "float32")
    as_before[:, begin.before] = rows[:, begin.now]
    codes = encode(earlier, as_before)
    assert 0 < (codes > 0).mean() < 1
    np.testing.assert_allclose(encode(autoencoder, known), codes, atol=1e-4)
    assert not np.allclose(encode(autoencoder, rows), codes, atol=1e-2)
