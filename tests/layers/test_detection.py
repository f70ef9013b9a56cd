"""Layers that tell how unlike a row is to those that an autoencoder learned from."""

from pathlib import Path

import keras
import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.datasets import load_wine
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from layers.detection import (
    Detector,
    ImageDetector,
    Mahalanobis,
    NearestDirections,
    NearestNeighbours,
    PValue,
    batched,
)


@pytest.fixture(scope="module")
def wine() -> np.ndarray:
    rows = load_wine().data
    scaled = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    return np.random.default_rng(0).permutation(scaled.astype("float32"))


def fitted(kind: type[Detector], wine: np.ndarray) -> Detector:
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(20, "relu"), keras.layers.Dense(7)]
    encoder = keras.Sequential([keras.Input((13,)), *layers])
    decoder = keras.Sequential([keras.Input((7,)), keras.layers.Dense(13)])
    # Two features of one column, as those of a category are.
    made = kind(encoder, decoder, (0, 0, *range(1, 12)), 12, references=80, held_out=40)
    made.build((None, 13))
    made.fit_to(wine[:80], wine[80:120])
    return made


@pytest.fixture(scope="module", params=[Detector, ImageDetector])
def detector(request: pytest.FixtureRequest, wine: np.ndarray) -> Detector:
    return fitted(request.param, wine)


def test_neighbours_are_the_nearest_by_city_block_distance(wine: np.ndarray):
    layer = NearestNeighbours(80, k=2, candidates=80)
    layer.build((None, 13))
    layer.fit(wine[:80])
    exact = NearestNeighbors(n_neighbors=2, metric="manhattan").fit(wine[:80])
    distances, nearest = exact.kneighbors(wine[80:])
    found, by_feature = map(np.asarray, layer(wine[80:]))
    np.testing.assert_allclose(by_feature.sum(axis=1), distances.mean(axis=1), rtol=1e-5)
    # Where the neighbours are far from others too, a row is less far.
    spacing = NearestNeighbors(n_neighbors=1, metric="manhattan").fit(wine[:80]).kneighbors()[0]
    around = spacing[:, 0][nearest].mean(axis=1)
    np.testing.assert_allclose(found, distances.mean(axis=1) / around**0.25, rtol=1e-4)


def test_directions_are_near_by_the_distance_of_rows_of_length_one(wine: np.ndarray):
    layer = NearestDirections(80, k=2)
    layer.build((None, 13))
    layer.fit(wine[:80])
    exact = NearestNeighbors(n_neighbors=2).fit(normalize(wine[:80]))
    distances, nearest = exact.kneighbors(normalize(wine[80:]))
    found, by_feature = map(np.asarray, layer(wine[80:]))
    np.testing.assert_allclose(found, distances.mean(axis=1), rtol=1e-4)
    differences = np.abs(normalize(wine[80:])[:, None] - normalize(wine[:80])[nearest])
    np.testing.assert_allclose(by_feature, differences.mean(axis=1), atol=1e-5)
    darker, _ = layer(wine[80:] / 3)
    np.testing.assert_allclose(np.asarray(darker), found, rtol=1e-4)
    nothing, _ = layer(np.zeros((1, 13), "float32"))
    np.testing.assert_allclose(np.asarray(nothing), 1, rtol=1e-5)


def test_mahalanobis_distance_has_a_ridge(wine: np.ndarray):
    layer = Mahalanobis()
    layer.build((None, 13))
    layer.fit(wine[:80])
    covariance = np.cov(wine[:80].T, bias=True)
    inverse = np.linalg.inv(covariance + 0.1 * np.trace(covariance) / 13 * np.eye(13))
    mean = wine[:80].mean(axis=0, keepdims=True)
    exact = cdist(wine, mean, "mahalanobis", VI=inverse)[:, 0] ** 2
    np.testing.assert_allclose(np.asarray(layer(wine)), exact, rtol=1e-4)


def test_a_code_that_never_varies_is_no_error(wine: np.ndarray):
    layer = Mahalanobis()
    layer.build((None, 13))
    layer.fit(np.ones_like(wine))
    assert np.isfinite(np.asarray(layer(wine))).all()


def test_few_references_are_all_neighbours(wine: np.ndarray):
    layer = NearestNeighbours(1)
    layer.build((None, 13))
    layer.fit(wine[:1])
    _, by_feature = layer(wine)
    np.testing.assert_allclose(np.asarray(by_feature), np.abs(wine - wine[0]), rtol=1e-5)


def test_a_p_value_is_the_share_of_normal_scores_as_great_with_the_row_itself():
    layer = PValue(4)
    layer.build((None,))
    layer.fit(np.array([3.0, 1.0, 2.0, 2.0], "float32"))
    found = np.asarray(layer(np.array([0.0, 2.0, 2.5, 9.0], "float32")))
    np.testing.assert_allclose(found, [1.0, 0.8, 0.4, 0.2])


def test_rows_far_out_score_higher_than_normal_ones(detector: Detector, wine: np.ndarray):
    normal = batched(detector, wine[120:])[:, 0]
    assert batched(detector, wine[120:] + 8)[:, 0].min() > normal.max()


def test_each_distance_of_images_counts_as_it_says(wine: np.ndarray):
    made = fitted(ImageDetector, wine)

    def quantities(rows: np.ndarray) -> np.ndarray:
        first = made.encoder.layers[0]
        made_of = (first, NearestNeighbours(80)), (made.encoder, Mahalanobis())
        for part, layer in made_of:
            layer.build(part(wine[:80]).shape)
            layer.fit(np.asarray(part(wine[:80])))
        of_codes, of_last_codes = (layer(part(rows)) for part, layer in made_of)
        near = NearestNeighbors(n_neighbors=5).fit(normalize(wine[:80]))
        of_rows = near.kneighbors(normalize(rows))[0].mean(axis=1)
        return np.stack([of_rows, of_codes[0], of_last_codes], axis=1)

    usual, tested = quantities(wine[80:120]), quantities(wine[120:])
    least = 0.01 * np.median(usual, axis=0)
    logs = np.log(usual + least)
    comparable = (np.log(tested + least) - logs.mean(axis=0)) / logs.std(axis=0)
    np.testing.assert_allclose(
        batched(made, wine[120:])[:, 0], comparable @ [0.5, 0.25, 0.25], atol=1e-3
    )


def test_shares_add_up_to_one_and_name_the_column_that_is_wrong(
    detector: Detector, wine: np.ndarray
):
    rows = wine[120:].copy()
    rows[:, 5] += 30  # the sixth feature, of the fifth column
    shares = batched(detector, rows)[:, 3:]
    assert shares.shape == (len(rows), 12)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    assert (shares.argmax(axis=1) == 4).all()


def test_a_detector_that_is_loaded_says_the_same(
    detector: Detector, wine: np.ndarray, tmp_path: Path
):
    detector.save(tmp_path / "detector.keras")
    loaded = keras.saving.load_model(tmp_path / "detector.keras", safe_mode=True)
    np.testing.assert_array_equal(batched(loaded, wine), batched(detector, wine))
