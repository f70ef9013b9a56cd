"""Pretraining one level on digits: it learns, repeats itself, and reports what NumPy computes."""

from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

from layers import dead_units
from pipeline.config.corruption import GaussianNoise, MaskingNoise, SaltAndPepperNoise, SwapNoise
from pipeline.config.level import LevelConfig
from pipeline.config.sparsity import TopKLimit
from pipeline.data.rows.sample import sample
from pipeline.seeds import derive
from pipeline.training.loop import DivergedError, Trainer, shuffled_batches
from pipeline.training.pretraining.level import build_autoencoder
from pipeline.training.pretraining.pretrain import Pretrained, pretrain
from pipeline.training.pretraining.start import Start
from pipeline.training.progress import Progress
from pipeline.training.stack import encode
from tests.mechanisms import activation_for, mechanisms

TOPK = LevelConfig(units=48, sparsity=TopKLimit(k=8), epochs=6, batch_size=64, learning_rate=0.003)
MECHANISMS = mechanisms(number=8)


class Outcome(NamedTuple):
    pretrained: Pretrained
    reported: list[Progress]

    @property
    def epochs(self) -> list[Progress]:
        return [progress for progress in self.reported if progress.metrics is not None]

    @property
    def weights(self) -> list[np.ndarray]:
        return self.pretrained.autoencoder.get_weights()


@pytest.fixture(scope="module")
def rows(digits) -> np.ndarray:
    return digits[0][:1200]


@pytest.fixture(scope="module")
def validation(digits) -> np.ndarray:
    return digits[0][1200:]


@pytest.fixture(scope="module")
def trained(rows, validation):
    """Pretrains a level with a seed, each pair once."""
    outcomes: dict = {}

    def run(level: LevelConfig = TOPK, seed: int = 0) -> Outcome:
        if (level, seed) not in outcomes:
            reported: list[Progress] = []
            result = pretrain(level, rows, validation, seed, reported.append)
            outcomes[level, seed] = Outcome(result, reported)
        return outcomes[level, seed]

    return run


def with_mechanism(name: str, **changes) -> LevelConfig:
    activation = activation_for(MECHANISMS[name], 48)
    return LevelConfig(
        units=48, activation=activation, sparsity=MECHANISMS[name], batch_size=64, **changes
    )


def unequal(one: list[np.ndarray], two: list[np.ndarray]) -> list[bool]:
    return [not np.array_equal(a, b) for a, b in zip(one, two, strict=True)]


# It learns


def test_the_loss_falls_and_explained_variance_rises(trained):
    epochs = trained().epochs
    assert len(epochs) == 6
    assert epochs[-1].loss < 0.7 * epochs[0].loss
    explained = [epoch.metrics["explained_variance"] for epoch in epochs]
    assert explained[-1] > explained[0] + 0.1
    assert explained[-1] > 0.5


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_every_mechanism_trains_an_epoch_tied_or_not(mechanism, tied, trained, rows, validation):
    level = with_mechanism(mechanism, tied=tied, epochs=1)
    outcome = trained(level)
    assert all(np.isfinite(value) for value in outcome.pretrained.metrics.values())
    assert all(np.isfinite(weights).all() for weights in outcome.weights)
    # One epoch does better than no training at all.
    untrained = build_autoencoder(level, rows, 0)
    errors = [
        float(np.mean((model(validation)["reconstruction"].numpy() - validation) ** 2))
        for model in (outcome.pretrained.autoencoder, untrained)
    ]
    assert errors[0] < errors[1]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_with_xla_every_mechanism_trains_alike(mechanism, trained, rows, validation, monkeypatch):
    level = with_mechanism(mechanism, epochs=1)
    plain = trained(level)
    monkeypatch.setattr("pipeline.training.pretraining.pretrain.trains_with_xla", lambda *_: True)
    reported: list[Progress] = []
    compiled = pretrain(level, rows, validation, 0, reported.append)
    assert (plain.pretrained.xla, compiled.xla) == (False, True)
    assert reported[-1].loss == pytest.approx(plain.reported[-1].loss, rel=1e-4)
    for one, other in zip(compiled.autoencoder.get_weights(), plain.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


@pytest.mark.parametrize(
    ("mechanism", "tied"), [*((name, False) for name in MECHANISMS), ("topk", True)]
)
def test_in_bfloat16_every_mechanism_explains_as_much(mechanism, tied, trained):
    level = with_mechanism(mechanism, tied=tied, epochs=4)
    plain, half = (
        trained(level.model_copy(update={"precision": precision})).pretrained
        for precision in ("float32", "bfloat16")
    )
    assert unequal(plain.autoencoder.get_weights(), half.autoencoder.get_weights())[0]
    name = "explained_variance"
    assert half.metrics[name] == pytest.approx(plain.metrics[name], abs=0.02)
    # What is kept knows nothing of it.
    assert "bfloat16" not in str(half.autoencoder.get_config())
    assert {layer.compute_dtype for layer in half.autoencoder.layers} == {"float32"}


@pytest.mark.parametrize(
    "corruption",
    [
        MaskingNoise(share=0.3),
        GaussianNoise(stddev=0.3),
        SaltAndPepperNoise(share=0.2),
        SwapNoise(),
    ],
    ids=lambda corruption: corruption.kind,
)
def test_corruption_makes_training_harder_and_another_encoder(corruption, trained):
    level = TOPK.model_copy(update={"corruption": corruption})
    clean, corrupted = trained(), trained(level)
    assert corrupted.epochs[-1].loss > clean.epochs[-1].loss
    assert corrupted.pretrained.metrics["explained_variance"] > 0.4
    assert unequal(
        clean.pretrained.autoencoder.encoder.get_weights(),
        corrupted.pretrained.autoencoder.encoder.get_weights(),
    ) == [True, True]


def test_every_reconstruction_loss_can_be_trained(trained):
    plain = LevelConfig(units=48, epochs=2, batch_size=64, decoder_activation="sigmoid")
    for loss in ("normalized", "squared", "crossentropy"):
        epochs = trained(plain.model_copy(update={"loss": loss})).epochs
        assert epochs[-1].loss < epochs[0].loss


# It repeats itself


def test_one_seed_gives_the_same_weights_bit_for_bit(trained, rows, validation):
    again = pretrain(TOPK, rows, validation, 0, lambda _: None)
    assert not any(unequal(trained().weights, again.autoencoder.get_weights()))
    assert again.metrics == trained().pretrained.metrics


@pytest.mark.parametrize(
    "corruption", [MaskingNoise(), GaussianNoise(), SaltAndPepperNoise(), SwapNoise()]
)
def test_noise_comes_from_the_seed_too(corruption, trained, rows, validation):
    level = TOPK.model_copy(update={"corruption": corruption, "epochs": 1})
    again = pretrain(level, rows, validation, 0, lambda _: None)
    assert not any(unequal(trained(level).weights, again.autoencoder.get_weights()))


def test_another_seed_gives_other_weights(trained):
    differ = unequal(trained().weights, trained(seed=1).weights)
    assert differ == [True] * len(differ)


def test_validation_rows_have_no_influence_on_the_weights(trained, rows):
    other = pretrain(TOPK, rows, np.zeros((10, 64), "float32"), 0, lambda _: None)
    assert not any(unequal(trained().weights, other.autoencoder.get_weights()))


# It is plain gradient descent


@pytest.mark.parametrize("mechanism", ["none", "l1", "batch_topk"])
def test_training_is_what_a_plain_keras_loop_does(mechanism, trained, rows):
    level = with_mechanism(mechanism, epochs=2, revive=False)
    model = build_autoencoder(level, rows, seed=0)
    optimizer = keras.optimizers.Adam()
    variables = model.trainable_variables
    step, total = 0, 2 * (1200 // 64)
    for epoch in range(2):
        for batch in shuffled_batches(1200, 64, derive(0, "epoch", epoch)):
            # Constant for the first half, then falling linearly to zero.
            optimizer.learning_rate = 1e-3 * min(1, 2 * (total - step) / total)
            with tf.GradientTape() as tape:
                model(rows[batch], training=True)
                loss = sum(model.losses)
            optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
            step += 1
    for expected, got in zip(model.get_weights(), trained(level).weights, strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-4)


def test_standardising_trains_on_standard_rows_and_its_weights_take_the_scaling_in(
    trained, rows, validation
):
    offset, scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-3)
    by_hand = pretrain(
        TOPK, (rows - offset) / scale, (validation - offset) / scale, 0, lambda _: None
    ).autoencoder((validation - offset) / scale)

    outcome = trained(TOPK.model_copy(update={"standardize": True})).pretrained

    output = outcome.autoencoder(validation)
    np.testing.assert_allclose(output["code"], by_hand["code"], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(
        output["reconstruction"], by_hand["reconstruction"] * scale + offset, rtol=1e-3, atol=1e-4
    )
    error = np.mean(np.square(output["reconstruction"] - validation))
    assert outcome.metrics["reconstruction_error"] == pytest.approx(error, rel=1e-4)


def test_where_rows_are_standardised_every_epoch_s_metrics_are_of_the_rows_themselves(
    trained, validation
):
    outcome = trained(TOPK.model_copy(update={"standardize": True}))
    assert outcome.epochs[-1].metrics == outcome.pretrained.metrics
    for epoch in outcome.epochs:
        error, explained = (
            epoch.metrics[name] for name in ("reconstruction_error", "explained_variance")
        )
        assert explained == pytest.approx(1 - error / validation.var(axis=0).mean(), abs=1e-4)


def test_rows_that_diverge_are_an_error(rows, validation):
    level = TOPK.model_copy(update={"learning_rate": 1e20})
    with pytest.raises(DivergedError, match="lower the learning rate"):
        pretrain(level, rows, validation, 0, lambda _: None)


def test_a_level_that_diverges_may_go_on_at_a_lower_rate(rows, validation):
    too_fast = TOPK.model_copy(update={"learning_rate": 5e5, "epochs": 3})
    with pytest.raises(DivergedError, match=r"step \d+ \(epoch 1\): .*; no epoch was good\."):
        pretrain(too_fast, rows, validation, 0, lambda _: None)
    reported: list[Progress] = []
    pretrain(too_fast.model_copy(update={"retry": True}), rows, validation, 0, reported.append)
    assert [progress.epoch for progress in reported if progress.metrics] == [1, 2, 3]


def test_where_nothing_diverges_the_retry_changes_nothing(rows, validation):
    level = TOPK.model_copy(update={"epochs": 3})
    plain = pretrain(level, rows, validation, 0, lambda _: None)
    ready = pretrain(level.model_copy(update={"retry": True}), rows, validation, 0, lambda _: None)
    weights = plain.autoencoder.get_weights(), ready.autoencoder.get_weights()
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_retry_goes_on_from_the_end_of_the_last_epoch_at_a_tenth(rows, validation, monkeypatch):
    rates: list[float] = []
    run = Trainer.run

    def fail_once(self, batches, given, *arrays):
        rates.append(float(given[0, 0]))
        if len(rates) == 2:
            raise DivergedError("the training loss became nan; lower the learning rate.", 1)
        return run(self, batches, given, *arrays)

    level = TOPK.model_copy(update={"epochs": 3, "retry": True, "min_steps": 1})
    monkeypatch.setattr(Trainer, "run", fail_once)
    reported: list[Progress] = []
    pretrain(level, rows, validation, 0, reported.append)
    assert [progress.epoch for progress in reported if progress.metrics] == [1, 2, 3]
    assert rates[2] == pytest.approx(rates[1] / 10)
    assert len(rates) == 4


def test_fewer_rows_than_a_batch_are_one_batch(rows, validation):
    reported: list[Progress] = []
    level = TOPK.model_copy(update={"epochs": 2})
    pretrain(level, rows[:10], validation, 0, reported.append)
    assert [(progress.done, progress.total, progress.rows) for progress in reported] == [
        (1, 2, 10),
        (2, 2, 20),
    ]


def test_progress_counts_steps_rows_and_epochs(rows, validation):
    reported: list[Progress] = []
    level = TOPK.model_copy(update={"epochs": 2, "batch_size": 8})
    pretrain(level, rows, validation, 0, reported.append)
    # 150 steps an epoch, reported after 100 and at the end.
    assert [p.done for p in reported] == [100, 150, 250, 300]
    assert [p.rows for p in reported] == [800, 1200, 2000, 2400]
    assert [p.epoch for p in reported] == [1, 1, 2, 2]
    assert {p.total for p in reported} == {300}
    assert [p.metrics is None for p in reported] == [True, False, True, False]


# Where it starts


def test_the_decoder_s_bias_starts_at_the_mean_row(rows):
    bias = build_autoencoder(TOPK, rows, 0).decoder.bias.numpy()
    np.testing.assert_allclose(bias, rows.mean(axis=0, dtype="float64"), atol=1e-6)


def test_a_sigmoid_decoder_s_bias_starts_where_it_gives_the_mean_row(rows):
    level = TOPK.model_copy(update={"decoder_activation": "sigmoid"})
    bias = build_autoencoder(level, rows, 0).decoder.bias.numpy()
    expected = np.clip(rows.mean(axis=0), 0.01, 0.99)  # columns of zeros would need -infinity
    np.testing.assert_allclose(1 / (1 + np.exp(-bias)), expected, atol=1e-6)


def test_the_normalized_loss_of_the_mean_row_is_1(rows):
    autoencoder = build_autoencoder(TOPK, rows, 0)
    autoencoder.encoder.set_weights([np.zeros((64, 48)), np.zeros(48)])
    autoencoder(rows)
    assert float(autoencoder.losses[0]) == pytest.approx(1, rel=1e-4)


def test_rows_that_never_vary_can_be_built_on():
    autoencoder = build_autoencoder(TOPK, np.full((10, 64), 0.5, "float32"), 0)
    assert np.isfinite(autoencoder.feature_variance) and autoencoder.feature_variance > 0


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_the_config_s_mechanism_and_its_numbers_reach_the_layer(mechanism, rows):
    sparsity = build_autoencoder(with_mechanism(mechanism), rows, 0).sparsity
    expected = MECHANISMS[mechanism].model_dump(exclude={"mechanism"})
    got = {} if sparsity is None else sparsity.get_config()
    assert {name: got[name] for name in expected} == expected
    assert (sparsity is None) == (mechanism == "none")


# What it reports


def reference(weights: list[np.ndarray], rows: np.ndarray, k: int, tied: bool) -> dict[str, float]:
    """The metrics of a top-k autoencoder on rows, in float64."""
    kernel, bias, *decoder = (w.astype("float64") for w in weights)
    decoder_kernel, decoder_bias = (kernel.T, decoder[0]) if tied else decoder
    rows = rows.astype("float64")
    activations = np.maximum(rows @ kernel + bias, 0)
    kth_largest = np.sort(activations, axis=1)[:, [-k]]
    code = np.where(activations >= kth_largest, activations, 0)
    errors = (rows - code @ decoder_kernel - decoder_bias) ** 2
    return {
        "reconstruction_error": errors.mean(),
        "explained_variance": 1 - errors.sum() / ((rows - rows.mean(axis=0)) ** 2).sum(),
        "active_fraction": (code > 0).mean(),
        "dead_fraction": 1 - (code > 0).any(axis=0).mean(),
        "mean_activation": code.mean(),
    }


@pytest.mark.parametrize("tied", [False, True])
def test_reported_metrics_are_what_numpy_computes(tied, trained, validation):
    outcome = trained(TOPK.model_copy(update={"tied": tied}))
    weights = [
        *outcome.pretrained.autoencoder.encoder.get_weights(),
        *outcome.pretrained.autoencoder.decoder.get_weights(),
    ]
    expected = reference(weights, validation, 8, tied)
    assert outcome.pretrained.metrics == pytest.approx(expected, rel=1e-4)
    assert outcome.reported[-1].metrics == outcome.pretrained.metrics


def test_metrics_are_of_5000_random_validation_rows(rows, digits):
    many = np.concatenate([digits[0]] * 3)  # 5391, measured in two batches
    result = pretrain(TOPK.model_copy(update={"epochs": 1}), rows, many, 4, lambda _: None)
    weights = [
        *result.autoencoder.encoder.get_weights(),
        *result.autoencoder.decoder.get_weights(),
    ]
    drawn = sample(many, 5000, derive(4, "validation"))
    assert not np.array_equal(drawn, many[:5000])
    assert result.metrics == pytest.approx(reference(weights, drawn, 8, False), rel=1e-4)


def test_on_a_file_sorted_by_class_revival_does_no_harm(digits, monkeypatch):
    # The first 300 of 1,797 rows show zeros and ones alone: a unit for sevens would seem dead.
    monkeypatch.setattr("pipeline.training.pretraining.pretrain.MEASURED_ROWS", 300)
    by_class = digits[0][np.argsort(digits[1], kind="stable")]
    level = TOPK.model_copy(update={"units": 96, "sparsity": TopKLimit(k=6), "epochs": 20})
    without, revived = (
        pretrain(level.model_copy(update={"revive": on}), by_class, digits[0], 0, lambda _: None)
        for on in (False, True)
    )
    explained = [outcome.metrics["explained_variance"] for outcome in (without, revived)]
    assert explained[1] > explained[0]


def test_revival_leaves_fewer_dead_units_and_a_better_reconstruction(trained, rows):
    # 128 units compete for 4 places: many never win one.
    crowded = TOPK.model_copy(
        update={"units": 128, "sparsity": TopKLimit(k=4), "epochs": 8, "revive": False}
    )
    without, revived = (
        trained(level).pretrained
        for level in (crowded, crowded.model_copy(update={"revive": True}))
    )
    assert len(dead_units(without.autoencoder, rows)) > 40
    assert len(dead_units(revived.autoencoder, rows)) < 10
    gain = revived.metrics["explained_variance"] - without.metrics["explained_variance"]
    assert gain > 0.02


# What it passes on


def test_activations_and_code_are_passed_on_as_numpy_computes_them(trained, digits):
    autoencoder = trained().pretrained.autoencoder
    many = np.concatenate([digits[0]] * 3)
    kernel, bias = (w.astype("float64") for w in autoencoder.encoder.get_weights())
    activations = np.maximum(many @ kernel + bias, 0)
    got = encode(autoencoder, many)
    assert (got.dtype, got.shape) == (np.float32, (5391, 48))
    np.testing.assert_allclose(got, activations, atol=1e-5)
    code = encode(autoencoder, many, "code")
    assert set((code > 0).sum(axis=1)) <= set(range(9))
    np.testing.assert_allclose(code, np.where(code > 0, activations, 0), atol=1e-5)
    assert (code > 0).mean() < (got > 0).mean()


def test_a_row_s_code_does_not_depend_on_the_rows_beside_it(trained, validation):
    for mechanism in ("batch_topk", "lifetime"):
        autoencoder = trained(with_mechanism(mechanism, epochs=1)).pretrained.autoencoder
        together = encode(autoencoder, validation, "code")
        assert 0 < (together > 0).mean() < 0.5
        alone = np.concatenate([encode(autoencoder, row[None], "code") for row in validation[:5]])
        np.testing.assert_allclose(alone, together[:5], atol=1e-6)


@pytest.mark.parametrize("changes", [{}, {"tied": True}, {"standardize": True},
                                     {"sparsity": MECHANISMS["jumprelu"]}])  # fmt: skip
def test_training_starts_from_the_weights_that_it_is_given(rows, validation, trained, changes):
    level = TOPK.model_copy(update={"revive": False, **changes})
    start = trained(level).pretrained.autoencoder
    still = level.model_copy(update={"epochs": 1, "learning_rate": 1e-12})
    shifted = rows + np.float32(0.1)  # what is standardised is so with the mean of its own rows
    features = range(rows.shape[1])
    begin = Start.of(start, features, features)
    result = pretrain(still, shifted, validation, 5, lambda _: None, start=begin)
    for before, after in zip(start.get_weights(), result.autoencoder.get_weights(), strict=True):
        np.testing.assert_allclose(after, before, atol=2e-4)
