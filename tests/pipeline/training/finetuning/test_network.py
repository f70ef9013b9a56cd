"""The supervised network: every weight comes from where it should, before any training."""

import numpy as np
import pytest

from layers import SparseAutoencoder
from pipeline.config.level import LevelConfig
from pipeline.config.sparsity import BatchTopKLimit, Lifetime, TopKLimit
from pipeline.config.untrained import UntrainedLevel, untrained
from pipeline.training.finetuning.network import (
    Network,
    build_network,
    initialize,
    random_autoencoders,
)
from pipeline.training.stack import encode
from tests.mechanisms import activation_for, mechanisms

MECHANISMS = mechanisms(number=4)


def shape(*levels: LevelConfig) -> tuple[UntrainedLevel, ...]:
    return untrained(levels, decoder=False)


PLAIN = shape(LevelConfig(units=24), LevelConfig(units=12, activation="tanh"))


def dense(rows: np.ndarray, autoencoder: SparseAutoencoder, activation) -> np.ndarray:
    kernel, bias = (w.astype("float64") for w in autoencoder.encoder.get_weights())
    return activation(rows @ kernel + bias)


def relu(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 0)


@pytest.fixture(scope="module")
def rows(digits) -> np.ndarray:
    return digits[0][:300]


@pytest.fixture
def network() -> Network:
    return build_network(PLAIN, 64, 10)


# Shape


def test_the_network_is_the_stack_with_a_head(network):
    assert network.model.input_shape == (None, 64)
    assert network.encoder.output_shape == (None, 12)
    assert network.model.output_shape == (None, 10)
    assert [layer.name for layer in network.encoder.layers] == ["encoder_1", "encoder_2"]
    assert network.model.layers == [network.encoder, network.standardize, network.head]


def test_encoder_and_head_are_all_that_is_trained(network):
    shapes = [tuple(weight.shape) for weight in network.model.trainable_variables]
    assert shapes == [(64, 24), (24,), (24, 12), (12,), (12, 10), (10,)]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_hard_limit_goes_with_a_code_that_is_passed_on_a_penalty_does_not(mechanism):
    sparsity = MECHANISMS[mechanism]
    activation = activation_for(sparsity, 24)
    layer = sparsity.layer()
    for passes_on in ("code", "activations"):
        level = LevelConfig(units=24, activation=activation, sparsity=sparsity, passes_on=passes_on)
        layers = build_network(shape(level), 64, 10).encoder.layers[1:]
        limited = layer is not None and layer.hard_limit and passes_on == "code"
        assert [type(part) for part in layers] == ([type(layer)] if limited else [])


def test_which_mechanisms_are_hard_limits():
    layers = {name: part.layer() for name, part in MECHANISMS.items()}
    limits = {name for name, layer in layers.items() if layer is not None and layer.hard_limit}
    assert limits >= {"topk", "batch_topk", "lifetime", "jumprelu"}
    assert not limits & {"none", "l1", "kl"}


# Weights


def test_the_encoder_s_weights_are_the_autoencoders(network, rows):
    autoencoders = random_autoencoders(PLAIN, 64, seed=5)
    initialize(network, autoencoders, rows, seed=0)
    codes = dense(dense(rows, autoencoders[0], relu), autoencoders[1], np.tanh)
    np.testing.assert_allclose(network.encoder.predict_on_batch(rows), codes, atol=1e-5)


@pytest.mark.parametrize("sparsity", [TopKLimit(k=4), BatchTopKLimit(k=4), Lifetime()])
def test_a_network_on_codes_reads_the_codes_that_pretraining_passes_on(sparsity, rows):
    level = LevelConfig(units=24, sparsity=sparsity, passes_on="code")
    autoencoder = random_autoencoders(shape(level), 64, seed=5)[0]
    autoencoder(rows, training=True)  # sets the thresholds of batch_topk and lifetime
    network = build_network(shape(level), 64, 10)
    initialize(network, [autoencoder], rows, seed=0)
    codes = encode(autoencoder, rows, "code")
    assert 0 < (codes > 0).mean() < 0.3
    np.testing.assert_allclose(network.encoder.predict_on_batch(rows), codes, atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 0.05])
def test_the_head_reads_codes_of_mean_0_and_standard_deviation_1(network, rows, scale):
    autoencoders = random_autoencoders(PLAIN, 64, seed=5)
    kernel, bias = autoencoders[1].encoder.get_weights()
    autoencoders[1].encoder.set_weights([scale * kernel, bias])
    initialize(network, autoencoders, rows, seed=0)
    codes = network.encoder.predict_on_batch(rows).astype("float64")
    assert (codes.std(axis=0) < 0.05).any() == (scale < 1)
    got = network.standardize(codes.astype("float32")).numpy()
    expected = (codes - codes.mean(axis=0)) / codes.std(axis=0)
    np.testing.assert_allclose(got, expected, atol=1e-3)
    np.testing.assert_allclose(got.std(axis=0), 1, atol=1e-4)


def test_the_numbers_that_standardise_are_of_the_rows_given_alone(network, rows):
    autoencoders = random_autoencoders(PLAIN, 64, seed=5)
    initialize(network, autoencoders, rows[:100], seed=0)
    codes = network.encoder.predict_on_batch(rows[:100])
    mean, variance = network.standardize.get_weights()
    np.testing.assert_allclose(mean, codes.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(variance, codes.var(axis=0), atol=1e-6)


@pytest.mark.parametrize("share", [0, 1e-6], ids=["dead", "hardly alive"])
def test_a_unit_that_hardly_varies_is_not_blown_up_on_other_rows(network, rows, share):
    autoencoders = random_autoencoders(PLAIN, 64, seed=5)
    kernel, bias = autoencoders[1].encoder.get_weights()
    kernel[:, 3] *= share
    autoencoders[1].encoder.set_weights([kernel, bias])
    initialize(network, autoencoders, rows, seed=0)
    code = network.encoder.predict_on_batch(rows)
    typical = np.sqrt(code.var(axis=0).mean())
    assert code[:, 3].std() < 1e-5 * typical
    assert np.isfinite(network.model.predict_on_batch(rows)).all()
    code[:, 3] += typical
    np.testing.assert_allclose(network.standardize(code)[:, 3], 10, rtol=1e-3)


def test_codes_of_a_stack_without_a_live_unit_are_finite(network, rows):
    autoencoders = random_autoencoders(PLAIN, 64, seed=5)
    autoencoders[1].encoder.set_weights(
        [np.zeros_like(weights) for weights in autoencoders[1].encoder.get_weights()]
    )
    initialize(network, autoencoders, rows, seed=0)
    assert np.isfinite(network.model.predict_on_batch(rows)).all()


def test_the_head_starts_small_and_random_so_that_no_class_is_favoured(rows):
    stack = shape(LevelConfig(units=500))
    network = build_network(stack, 64, 10)
    initialize(network, random_autoencoders(stack, 64, seed=5), rows, seed=0)
    kernel, bias = network.head.get_weights()
    assert kernel.std() == pytest.approx(0.01, rel=0.05)
    assert kernel.mean() == pytest.approx(0, abs=1e-3)
    assert not bias.any()


def test_the_head_depends_on_the_seed_and_not_on_the_encoder(network, rows):
    heads = []
    for seed, encoder_seed in ((0, 5), (0, 6), (1, 5)):
        initialize(network, random_autoencoders(PLAIN, 64, encoder_seed), rows, seed)
        heads.append(network.head.get_weights()[0])
    np.testing.assert_array_equal(heads[0], heads[1])
    assert not np.array_equal(heads[0], heads[2])


def test_initializing_again_forgets_what_was_trained(network, rows):
    autoencoders = random_autoencoders(PLAIN, 64, seed=5)
    initialize(network, autoencoders, rows, seed=0)
    before = network.model.get_weights()
    network.model.set_weights([weight + 1 for weight in before])
    initialize(network, autoencoders, rows, seed=0)
    for expected, got in zip(before, network.model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)


# The random arm


def test_random_autoencoders_have_the_stack_s_shapes():
    shapes = [a.encoder.kernel.shape for a in random_autoencoders(PLAIN, 64, seed=0)]
    assert shapes == [(64, 24), (24, 12)]


def test_random_weights_are_he_s_for_relu_and_glorot_s_for_the_others():
    stack = shape(LevelConfig(units=400), LevelConfig(units=300, activation="tanh"))
    first, second = random_autoencoders(stack, 256, seed=0)
    assert first.encoder.kernel.numpy().std() == pytest.approx(np.sqrt(2 / 256), rel=0.02)
    assert second.encoder.kernel.numpy().std() == pytest.approx(np.sqrt(2 / 700), rel=0.02)
    assert not first.encoder.bias.numpy().any()


def test_every_seed_and_every_level_has_random_weights_of_its_own():
    stack = shape(LevelConfig(units=64), LevelConfig(units=64))
    first, again, other = (random_autoencoders(stack, 64, seed) for seed in (0, 0, 1))
    kernels = [a.encoder.kernel.numpy() for a in (*first, *other)]
    for number, kernel in enumerate(kernels):
        assert not any(np.array_equal(kernel, before) for before in kernels[:number])
    np.testing.assert_array_equal(kernels[1], again[1].encoder.kernel.numpy())
