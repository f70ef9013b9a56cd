"""Categories among the features: shares and errors against NumPy, extremes, inside a model."""

import keras
import numpy as np
import pytest

from layers import CategorySoftmax, SparseAutoencoder
from tests.layers.cases import array, total_loss
from tests.layers.gradients import gradients

SIZES = (3, 1, 4, 2)
FIRST, LAST = 2, 12
GROUPS = [slice(2, 5), slice(5, 6), slice(6, 10), slice(10, 12)]
OTHERS = [0, 1, 12]


def table(rows: int = 40) -> np.ndarray:
    """Rows (rows, 13): two numbers, four one-hot vectors of 3, 1, 4 and 2 features, a number."""
    rng = np.random.default_rng(0)
    made = rng.normal(size=(rows, 13)).astype("float32")
    for group, size in zip(GROUPS, SIZES, strict=True):
        made[:, group] = np.eye(size)[rng.integers(0, size, rows) * rng.integers(0, 2, rows)]
    return made


def softmax_of(rows: np.ndarray) -> CategorySoftmax:
    return CategorySoftmax(FIRST, SIZES, rows[:, FIRST:LAST].mean(axis=0).tolist())


def shares_by_numpy(decoded: np.ndarray) -> np.ndarray:
    shares = decoded.astype("float64")
    for group in GROUPS:
        exponentials = np.exp(shares[:, group])
        shares[:, group] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return shares


def weight_by_numpy(rows: np.ndarray, group: slice) -> float:
    """Variance over entropy of a one-hot vector."""
    shares = rows[:, group].astype("float64").mean(axis=0)
    if len(shares) == 1:
        return 0.0
    return float(np.sum(shares * (1 - shares)) / -np.sum(shares * np.log(shares)))


class Errors(keras.layers.Layer):
    """`errors` of fixed rows as a layer, so that they can be differentiated."""

    def __init__(self, softmax, rows):
        super().__init__()
        self.softmax, self.rows = softmax, rows
        self.built = True

    def call(self, decoded, training=False):
        return self.softmax.errors(self.rows, decoded)


def test_each_one_hot_vector_becomes_a_softmax_and_all_else_stays():
    decoded = 3 * np.random.default_rng(1).normal(size=(40, 13)).astype("float32")
    got = array(softmax_of(table())(decoded))
    np.testing.assert_allclose(got, shares_by_numpy(decoded), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(got[:, OTHERS], decoded[:, OTHERS])


def test_errors_and_their_gradient_agree_with_numpy():
    rows = table()
    decoded = np.random.default_rng(1).normal(size=(40, 13)).astype("float32")
    shares = shares_by_numpy(decoded)
    expected = np.sum((rows - decoded)[:, OTHERS].astype("float64") ** 2, axis=1)
    slopes = 2.0 * (decoded - rows)
    for group in GROUPS:
        weight = weight_by_numpy(rows, group)
        expected -= weight * np.sum(rows[:, group] * np.log(shares[:, group]), axis=1)
        slopes[:, group] = weight * (shares - rows)[:, group]
    softmax = softmax_of(rows)
    np.testing.assert_allclose(array(softmax.errors(rows, decoded)), expected, rtol=1e-5)
    upstream = np.linspace(1, 2, 40, dtype="float32")
    of_decoded, _ = gradients(Errors(softmax, rows), decoded, upstream)
    np.testing.assert_allclose(of_decoded, upstream[:, None] * slopes, rtol=1e-4, atol=1e-5)


def test_to_give_the_shares_always_errs_as_much_as_the_mean_row_in_squared_error():
    rows = table()
    mean = rows.mean(axis=0)
    decoded = mean.copy()
    decoded[FIRST:LAST] = np.log(mean[FIRST:LAST])
    errors = array(softmax_of(rows).errors(rows, np.tile(decoded, (40, 1))))
    assert errors.mean() == pytest.approx(np.sum(np.var(rows, axis=0)), rel=1e-5)


def test_logits_of_any_size_give_finite_errors_and_gradients():
    rows = table()
    decoded = np.zeros((40, 13), "float32")
    decoded[:, GROUPS[0]] = [-1e4, 0.0, 1e4]
    decoded[:, GROUPS[2]] = [-3e4, -3e4, -3e4, -3e4]
    softmax = softmax_of(rows)
    shares = array(softmax(decoded))
    np.testing.assert_array_equal(shares[:, GROUPS[0]], np.tile([0.0, 0.0, 1.0], (40, 1)))
    np.testing.assert_allclose(shares[:, GROUPS[2]], 0.25, rtol=1e-6)
    assert np.isfinite(array(softmax.errors(rows, decoded))).all()
    of_decoded, _ = gradients(Errors(softmax, rows), decoded, np.ones(40, "float32"))
    assert np.isfinite(of_decoded).all()


def test_a_value_that_has_no_feature_adds_nothing():
    rows = table()
    unknown = rows.copy()
    unknown[:, FIRST:LAST] = 0
    decoded = np.random.default_rng(1).normal(size=(40, 13)).astype("float32")
    others = np.sum((rows - decoded)[:, OTHERS] ** 2, axis=1)
    np.testing.assert_allclose(array(softmax_of(rows).errors(unknown, decoded)), others, rtol=1e-5)


def test_a_share_of_zero_is_no_error():
    softmax = CategorySoftmax(0, [3], [0.5, 0.5, 0.0])
    errors = array(softmax.errors(np.eye(3, dtype="float32"), np.zeros((3, 3), "float32")))
    np.testing.assert_allclose(errors, 0.5 / np.log(2) * np.log(3), rtol=1e-5)


@pytest.mark.parametrize(
    ("sizes", "shares"), [([], []), ([2, 2], [0.5, 0.5]), ([2], [0.2, 0.3, 0.5])]
)
def test_sizes_and_shares_must_fit(sizes, shares):
    with pytest.raises(ValueError, match=f"a share for each.*Received: .*{len(shares)} shares"):
        CategorySoftmax(1, sizes, shares)


# In an autoencoder


def model_of(rows: np.ndarray, **arguments) -> SparseAutoencoder:
    """An autoencoder that judges the categories of the rows as such."""
    variance = float(np.var(rows, axis=0).mean())
    model = SparseAutoencoder(
        6, feature_variance=variance, categories=softmax_of(rows), **arguments
    )
    model.build(rows.shape)
    return model


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_an_autoencoder_gives_shares_and_its_loss_agrees_with_numpy(tied, training):
    rows = table()
    model = model_of(rows, tied=tied)
    output = model(rows, training=training)
    code = array(output["code"])
    decoder = array(model.encoder.kernel).T if tied else array(model.decoder.kernel)
    decoded = code @ decoder + array(model.decoder.bias)
    expected = shares_by_numpy(decoded)
    np.testing.assert_allclose(array(output["reconstruction"]), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(array(model.decode(code)), expected, rtol=1e-4, atol=1e-5)
    errors = np.sum((rows - expected)[:, OTHERS] ** 2, axis=1)
    for group in GROUPS:
        surprise = -np.sum(rows[:, group] * np.log(expected[:, group]), axis=1)
        errors += weight_by_numpy(rows, group) * surprise
    loss = errors.mean() / np.sum(np.var(rows, axis=0))
    assert total_loss(model) == pytest.approx(loss, rel=1e-4)


def test_fit_lowers_the_loss():
    rows = table(400)
    model = model_of(rows)
    model.compile(keras.optimizers.Adam(0.01))
    losses = model.fit(rows, epochs=4, batch_size=50, verbose=0).history["loss"]
    assert losses[0] > losses[1] > losses[2] > losses[3]


def test_a_saved_autoencoder_gives_the_same(tmp_path):
    rows = table()
    model = model_of(rows)
    model.save(tmp_path / "autoencoder.keras")
    loaded = keras.saving.load_model(tmp_path / "autoencoder.keras", safe_mode=True)
    assert loaded.categories.get_config() == model.categories.get_config()
    for part, expected in model(rows).items():
        np.testing.assert_array_equal(array(loaded(rows)[part]), array(expected))
    loaded(rows), model(rows)
    assert total_loss(loaded) == total_loss(model)


@pytest.mark.parametrize(
    "arguments",
    [
        {"loss": "squared"},
        {"decoder_activation": "sigmoid"},
        {"loss": "crossentropy", "decoder_activation": "sigmoid"},
    ],
)
def test_other_losses_and_decoders_know_no_categories(arguments):
    with pytest.raises(ValueError, match="with categories needs loss='normalized'.*Received"):
        SparseAutoencoder(6, categories=softmax_of(table()), **arguments)
