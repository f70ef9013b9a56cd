"""Corruption: what it does to the rows, how often, when, and what the loss compares with."""

import numpy as np
import pytest

from layers.corruption import GaussianCorruption, Masking, SaltAndPepper, Swap
from tests.layers.cases import CORRUPTIONS, array, autoencoder, respond, total_loss

KINDS = [name for name in CORRUPTIONS if name != "none"]
VALUES = 1000 * 200


def sample():
    """Rows (1000, 200), no value zero, no two equal in a column."""
    return np.random.default_rng(0).uniform(0.1, 1, (1000, 200)).astype("float32")


def bound(share):
    """Five standard deviations of the share observed among the values of the sample."""
    return 5 * np.sqrt(share * (1 - share) / VALUES)


@pytest.mark.parametrize("kind", KINDS)
def test_corruption_acts_in_training_only(kind):
    rows = sample()
    np.testing.assert_array_equal(respond(CORRUPTIONS[kind](), rows, training=False)[0], rows)
    assert np.any(respond(CORRUPTIONS[kind](), rows, training=True)[0] != rows)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_masking_zeroes_its_share_and_keeps_the_mean(share):
    rows = sample()
    corrupted, _ = respond(Masking(share), rows, training=True)
    masked = corrupted == 0
    assert abs(masked.mean() - share) < bound(share)
    np.testing.assert_allclose(corrupted[~masked], rows[~masked] / (1 - share), rtol=1e-6)
    assert corrupted.mean() == pytest.approx(rows.mean(), rel=0.02)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_salt_and_pepper_replaces_its_share_by_a_column_s_extremes_half_each(share):
    rows = sample() * np.arange(1, 201, dtype="float32")  # columns differ in range
    corrupted, _ = respond(SaltAndPepper(share), rows, training=True)
    changed = corrupted != rows
    lowest = corrupted == rows.min(axis=0)
    highest = corrupted == rows.max(axis=0)
    assert np.all(lowest | highest | ~changed)
    already_extreme = 2 / 1000
    assert abs(changed.mean() - share) < bound(share) + already_extreme
    assert abs((changed & lowest).mean() - share / 2) < bound(share / 2) + already_extreme


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_swap_takes_its_share_of_values_from_the_same_column_of_other_rows(share):
    rows = sample() + 2 * np.arange(200, dtype="float32")  # no value is in two columns
    corrupted, _ = respond(Swap(share), rows, training=True)
    changed = corrupted != rows
    assert abs(changed.mean() - share * 999 / 1000) < bound(share)
    for column in range(200):
        assert np.isin(corrupted[:, column], rows[:, column]).all()
    assert len(np.unique(changed.sum(axis=1))) > 10  # column by column, not row by row
    sources = np.searchsorted(np.sort(rows[:, 0]), corrupted[changed[:, 0], 0])
    assert len(np.unique(sources)) > len(sources) / 2  # any row, not one for all


def test_swap_changes_all_features_of_a_column_together():
    kinds = np.random.default_rng(1).integers(0, 3, 1000)
    rows = np.concatenate([np.eye(3, dtype="float32")[kinds], sample()[:, :2]], axis=1)
    # As in a table: a number, a one-hot vector, and further what belongs to the number.
    rows = rows[:, [3, 0, 1, 2, 4]]
    layer = Swap(0.5, columns=(0, 1, 1, 1, 0))
    corrupted, _ = respond(layer, rows, training=True)
    assert (corrupted[:, 1:4].sum(axis=1) == 1).all()
    assert 0.2 < (corrupted[:, 1:4] != rows[:, 1:4]).any(axis=1).mean() < 0.45  # 0.5 x 2 / 3
    changed = corrupted[:, 0] != rows[:, 0]
    np.testing.assert_array_equal(changed, corrupted[:, 4] != rows[:, 4])
    pairs = {tuple(pair) for pair in rows[:, [0, 4]].tolist()}
    assert {tuple(pair) for pair in corrupted[:, [0, 4]].tolist()} <= pairs


def test_swap_needs_a_column_for_each_feature():
    with pytest.raises(ValueError, match=r"each of the 200 features.*3 columns"):
        respond(Swap(0.5, columns=(0, 1, 2)), sample(), training=True)


@pytest.mark.parametrize("stddev", [0.1, 2.0])
def test_gaussian_noise_has_mean_zero_and_its_standard_deviation(stddev):
    rows = sample()
    noise = (respond(GaussianCorruption(stddev), rows, training=True)[0] - rows).astype("float64")
    assert abs(noise.mean()) < 5 * stddev / np.sqrt(VALUES)
    assert abs(noise.std() - stddev) < 5 * stddev / np.sqrt(2 * VALUES)
    within_one = np.mean(np.abs(noise) < stddev)
    assert abs(within_one - 0.6827) < bound(0.6827)
    assert abs(np.corrcoef(noise.ravel(), rows.ravel())[0, 1]) < 5 / np.sqrt(VALUES)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_noise_and_another_seed_other_noise(kind):
    rows = sample()
    layer = CORRUPTIONS[kind]()
    first, _ = respond(layer, rows, training=True)
    again, _ = respond(type(layer).from_config(layer.get_config()), rows, training=True)
    other, _ = respond(type(layer).from_config({**layer.get_config(), "seed": 2}), rows, True)
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


@pytest.mark.parametrize("kind", KINDS)
def test_successive_calls_give_different_noise(kind):
    rows = sample()
    layer = CORRUPTIONS[kind]()
    first, _ = respond(layer, rows, training=True)
    second, _ = respond(layer, rows, training=True)
    assert np.any(first != second)


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_compares_with_the_clean_rows(kind):
    # An autoencoder that gives back exactly what it is shown: compared with the corrupted rows
    # its loss would be zero.
    rows = sample()[:, :6]
    model = autoencoder(units=6, corruption=kind, activation="linear", loss="squared")
    model.build(rows.shape)
    model.set_weights([np.eye(6), np.zeros(6), np.eye(6), np.zeros(6), *model.get_weights()[4:]])
    shown = array(model(rows, training=True)["reconstruction"])
    assert np.any(shown != rows)
    expected = 0.5 * np.sum((rows - shown) ** 2, axis=-1).mean()
    assert total_loss(model) == pytest.approx(expected, rel=1e-5)
    model(rows, training=False)
    assert total_loss(model) == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize("layer", [Masking, SaltAndPepper, Swap])
@pytest.mark.parametrize("share", [0.0, 1.0, -0.5])
def test_a_share_outside_zero_to_one_is_refused(layer, share):
    with pytest.raises(ValueError, match=f"{layer.__name__} needs 0 < share < 1.*share={share}"):
        layer(share)


def test_a_standard_deviation_of_zero_is_refused():
    with pytest.raises(ValueError, match="stddev > 0.*Received: stddev=0"):
        GaussianCorruption(0)


RANGES = {
    "gaussian": lambda: GaussianCorruption(0.1, up_to=0.5),
    "masking": lambda: Masking(0.1, up_to=0.5),
    "salt_and_pepper": lambda: SaltAndPepper(0.1, up_to=0.5),
    "swap": lambda: Swap(0.1, up_to=0.5),
}


@pytest.mark.parametrize("kind", RANGES)
def test_over_a_range_each_row_has_a_strength_of_its_own(kind):
    rows = sample()
    changed, _ = respond(RANGES[kind](), rows, training=True)
    if kind == "gaussian":
        strengths = (changed - rows).std(axis=1)
    elif kind == "masking":
        strengths = (changed == 0).mean(axis=1)
    else:
        strengths = (changed != rows).mean(axis=1)
    assert strengths.min() == pytest.approx(0.1, abs=0.07)
    assert strengths.max() == pytest.approx(0.5, abs=0.12)
    assert strengths.mean() == pytest.approx(0.3, abs=0.02)
    assert strengths.std() == pytest.approx(0.4 / 12**0.5, abs=0.02)  # of an even distribution


def test_values_that_are_missing_from_the_start_make_no_others_grow():
    rows = sample()
    masked, _ = respond(Masking(0.3, grow=False), rows, training=True)
    kept = masked != 0
    assert abs(1 - kept.mean() - 0.3) < bound(0.3)
    np.testing.assert_array_equal(masked[kept], rows[kept])


@pytest.mark.parametrize(
    "layer",
    [
        lambda: Masking(0.3, up_to=0.2),
        lambda: SaltAndPepper(0.3, up_to=1.0),
        lambda: Swap(0.3, up_to=0.3),
        lambda: GaussianCorruption(0.3, up_to=0.2),
    ],
)
def test_a_range_that_does_not_go_up_is_refused(layer):
    with pytest.raises(ValueError, match="up_to"):
        layer()
