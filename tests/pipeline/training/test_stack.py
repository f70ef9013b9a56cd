"""Through the stack and back, against NumPy."""

import numpy as np
import pytest

from pipeline.config.level import LevelConfig
from pipeline.config.sparsity import BatchTopKLimit, TopKLimit
from pipeline.training.finetuning.network import random_autoencoders
from pipeline.training.stack import code_of, encode, stacked_decoder

RANGE = {"relu": (0, np.inf), "sigmoid": (0, 1), "tanh": (-1, 1), "linear": (-np.inf, np.inf)}


@pytest.fixture(scope="module")
def rows(digits) -> np.ndarray:
    return digits[0][:50]


def with_lively_decoders(stack, features: int):
    """Untrained autoencoders whose decoders give numbers in and out of every activation's range."""
    autoencoders = random_autoencoders(stack, features, seed=3)
    for autoencoder in autoencoders:
        kernel, bias = autoencoder.decoder.get_weights()
        autoencoder.decoder.set_weights([20 * kernel, bias + 0.3])
    return autoencoders


@pytest.mark.parametrize("passes_on", ["activations", "code"])
def test_the_code_is_the_top_s_of_what_each_level_passes_on(passes_on, rows):
    stack = [LevelConfig(units=24, sparsity=TopKLimit(k=3), passes_on=passes_on)] * 2
    autoencoders = random_autoencoders(stack, 64, seed=1)
    values = rows
    for what, autoencoder in zip((passes_on, "code"), autoencoders, strict=True):
        kernel, bias = autoencoder.encoder.get_weights()
        passed = np.maximum(values @ kernel + bias, 0)
        if what == "code":
            passed = np.where(passed >= np.sort(passed, axis=1)[:, [-3]], passed, 0)
        np.testing.assert_allclose(encode(autoencoder, values, what), passed, atol=1e-5)
        values = passed
    np.testing.assert_allclose(code_of(stack, autoencoders, rows), values, atol=1e-5)


@pytest.mark.parametrize("activation", RANGE)
def test_what_a_decoder_gives_is_brought_into_the_range_of_the_level_below(activation, rows):
    stack = [LevelConfig(units=24, activation=activation), LevelConfig(units=16)]
    autoencoders = with_lively_decoders(stack, 64)
    code = np.asarray(code_of(stack, autoencoders, rows))
    (kernel, bias), (kernel_2, bias_2) = (a.decoder.get_weights() for a in autoencoders)
    below = code @ kernel_2 + bias_2
    assert below.min() < -1 and below.max() > 1
    expected = np.clip(below, *RANGE[activation]) @ kernel + bias
    got = stacked_decoder(stack, autoencoders)(code)
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-3)


def test_what_a_decoder_gives_is_limited_as_the_codes_of_the_level_below_are(rows):
    stack = [LevelConfig(units=24, sparsity=BatchTopKLimit(k=4)), LevelConfig(units=16)]
    autoencoders = with_lively_decoders(stack, 64)
    autoencoders[0].sparsity.threshold.value.assign([0.9])
    code = np.asarray(code_of(stack, autoencoders, rows))
    (kernel, bias), (kernel_2, bias_2) = (a.decoder.get_weights() for a in autoencoders)
    below = code @ kernel_2 + bias_2
    expected = np.where(below >= 0.9, below, 0) @ kernel + bias
    assert 0.05 < (below >= 0.9).mean() < 0.95
    got = stacked_decoder(stack, autoencoders)(code)
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-3)


def test_tied_and_sigmoid_decoders_are_their_autoencoders_own(rows):
    stack = [LevelConfig(units=24, tied=True, decoder_activation="sigmoid")]
    autoencoders = random_autoencoders(stack, 64, seed=3)
    code = autoencoders[0].encode(rows)
    np.testing.assert_allclose(
        stacked_decoder(stack, autoencoders)(code), autoencoders[0].decode(code), atol=1e-6
    )
