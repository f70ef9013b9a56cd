"""Everything round-trips: configs, and `.keras` files loaded in safe mode."""

import json

import keras
import numpy as np
import pytest

from layers import CategorySoftmax, SparseAutoencoder
from layers.tied_decoder import TiedDecoder
from tests.layers.cases import CORRUPTIONS, LAYERS, MECHANISMS, array, autoencoder

PARTS = {
    **LAYERS,
    **{name: make for name, make in CORRUPTIONS.items() if name != "none"},
    "tied_decoder": lambda: TiedDecoder(7, "sigmoid"),
    "category_softmax": lambda: CategorySoftmax(2, [2, 3], [0.5, 0.5, 0.1, 0.3, 0.6]),
}
ALL_ARGUMENTS = {
    "units": 9,
    "activation": "sigmoid",
    "tied": True,
    "decoder_activation": "sigmoid",
    "unit_norm_decoder": True,
    "loss": "crossentropy",
    "feature_variance": 0.5,
    "seed": 11,
}


@pytest.mark.parametrize("name", PARTS)
def test_each_layer_round_trips_through_its_config_as_json(name):
    layer = PARTS[name]()
    config = layer.get_config()
    again = type(layer).from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config
    given = {"name", "trainable", "dtype"}
    assert set(config) - given, "the config lacks the layer's own arguments"


def test_an_autoencoder_s_config_holds_every_argument():
    model = autoencoder("topk", corruption="masking", **ALL_ARGUMENTS)
    config = model.get_config()
    assert {name: config[name] for name in ALL_ARGUMENTS} == ALL_ARGUMENTS
    again = SparseAutoencoder.from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config
    assert again.sparsity.k == model.sparsity.k
    assert again.corruption.share == model.corruption.share


def test_making_an_autoencoder_from_a_config_leaves_the_config_as_it_is():
    config = autoencoder("topk", corruption="masking").get_config()
    before = json.dumps(config)
    first = SparseAutoencoder.from_config(config)
    assert json.dumps(config) == before
    assert SparseAutoencoder.from_config(config).sparsity is not first.sparsity


@pytest.mark.parametrize(
    ("mechanism", "tied", "corruption"),
    [(mechanism, tied, "none") for mechanism in MECHANISMS for tied in (False, True)]
    + [("topk", False, corruption) for corruption in CORRUPTIONS if corruption != "none"],
)
def test_a_saved_autoencoder_gives_the_same_outputs(mechanism, tied, corruption, digits, tmp_path):
    rows = digits[:40]
    model = autoencoder(mechanism, units=12, tied=tied, corruption=corruption, seed=5)
    model(rows, training=True)  # gives it a threshold
    rng = np.random.default_rng(6)
    for weight in model.trainable_variables:
        weight.assign(array(weight) + rng.normal(0, 0.1, weight.shape))
    model.save(tmp_path / "autoencoder.keras")
    loaded = keras.saving.load_model(tmp_path / "autoencoder.keras", safe_mode=True)
    assert type(loaded) is SparseAutoencoder
    for name, value in model.get_config().items():
        if name not in ("sparsity", "corruption", "categories"):
            assert loaded.get_config()[name] == value
    for part in (loaded.sparsity, model.sparsity), (loaded.corruption, model.corruption):
        assert type(part[0]) is type(part[1])
        assert part[0] is None or part[0].get_config() == part[1].get_config()
    expected, given = model(rows), loaded(rows)
    for part in ("code", "reconstruction"):
        np.testing.assert_array_equal(array(given[part]), array(expected[part]))


@pytest.mark.parametrize("corruption", [name for name in CORRUPTIONS if name != "none"])
def test_a_loaded_autoencoder_draws_the_noise_of_its_seed_from_the_beginning(
    corruption, digits, tmp_path
):
    model = autoencoder(corruption=corruption)
    first, second = (array(model(digits, training=True)["code"]) for _ in range(2))
    model.save(tmp_path / "autoencoder.keras")
    loaded = keras.saving.load_model(tmp_path / "autoencoder.keras", safe_mode=True)
    again = array(loaded(digits, training=True)["code"])
    np.testing.assert_array_equal(again, first)
    assert not np.array_equal(again, second)


@pytest.mark.parametrize("mechanism", ["topk", "batch_topk", "jumprelu"])
def test_a_loaded_autoencoder_trains_on(mechanism, digits, tmp_path):
    model = autoencoder(mechanism, unit_norm_decoder=True)
    model.compile("adam")
    model.fit(digits, epochs=1, verbose=0)
    model.save(tmp_path / "autoencoder.keras")
    loaded = keras.saving.load_model(tmp_path / "autoencoder.keras", safe_mode=True)
    before = model.evaluate(digits, verbose=0, return_dict=True)
    assert loaded.evaluate(digits, verbose=0, return_dict=True) == pytest.approx(before, rel=1e-5)
    loaded.fit(digits, epochs=3, verbose=0)
    assert loaded.evaluate(digits, verbose=0, return_dict=True)["loss"] < before["loss"]
