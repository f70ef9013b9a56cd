"""Fine-tuning one trial: fair to every arm, blind to the test rows, the best checkpoint kept."""

from typing import Literal, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit
from sklearn.datasets import load_diabetes
from sklearn.metrics import accuracy_score, f1_score, r2_score

from pipeline.config.corruption import MaskingNoise
from pipeline.config.finetune import FinetuneConfig, HeadTraining, TriedToo
from pipeline.config.level import LevelConfig
from pipeline.config.sparsity import BatchTopKLimit, JumpReLUPenalty
from pipeline.config.task import ClassificationTask, MultilabelTask, RegressionTask
from pipeline.config.untrained import untrained
from pipeline.data.trial_rows import Labelled, Parts
from pipeline.seeds import derive
from pipeline.tasks import task_of
from pipeline.tasks.task import Coding, Task
from pipeline.training.finetuning.finetune import Finetuner, Trial
from pipeline.training.finetuning.network import build_network, initialize, random_autoencoders
from pipeline.training.loop import DivergedError, shuffled_batches
from pipeline.training.progress import Progress
from pipeline.training.stack import build_decoder, initialize_decoder

Trains = Literal["network", "head"]
STACK = (LevelConfig(units=24), LevelConfig(units=16))
CONFIG = FinetuneConfig(
    epochs=4, min_steps=20, batch_size=32, learning_rate=0.01, encoder_rates=(1.0,), checkpoints=4
)
RATES = (0.1, 0.3, 1.0)
SHAPE = untrained(STACK, decoder=False)
CLASSES = task_of(ClassificationTask())
LABELS = task_of(MultilabelTask())
NUMBER = task_of(RegressionTask())


def new(
    config: FinetuneConfig,
    trains: Trains = "network",
    features: int = 64,
    outputs: int = 10,
    task: Task = CLASSES,
) -> Finetuner:
    """A finetuner of arms that train the whole network, or the head alone."""
    stack = untrained(STACK, decoder=config.reconstruction > 0)
    return Finetuner(config.training(trains, 100), stack, features, outputs, task)


class Outcome(NamedTuple):
    trial: Trial
    reported: list[Progress]

    @property
    def checkpoints(self) -> list[dict[str, float]]:
        return [progress.metrics for progress in self.reported if progress.metrics is not None]


@pytest.fixture(scope="module")
def parts(digits) -> Parts:
    """100 training, 60 validation and 400 test rows of digits."""
    rows, classes = digits

    def labelled(start: int, stop: int) -> Labelled:
        return Labelled(rows[start:stop], classes[start:stop])

    return Parts(
        train=labelled(0, 100),
        validation=labelled(100, 160),
        refit=None,
        test=labelled(1000, 1400),
        unlabelled=rows[:600],
    )


@pytest.fixture(scope="module")
def refitted(parts, digits) -> Parts:
    """The same with a budget that includes all but ten of the validation rows."""
    rows, classes = digits
    return parts._replace(refit=Labelled(rows[:150], classes[:150]))


@pytest.fixture(scope="module")
def encoders():
    """Two stacks that differ in their weights alone."""
    return [random_autoencoders(SHAPE, 64, seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def finetuner():
    """Finetuners of digits by what they train: what is compiled is compiled once."""
    made: dict[HeadTraining, Finetuner] = {}

    def of(config: FinetuneConfig = CONFIG, trains: Trains = "network") -> Finetuner:
        training = config.training(trains, 100)
        if training not in made:
            made[training] = new(config, trains)
        return made[training]

    return of


def run(finetuner: Finetuner, autoencoders, parts: Parts, seed: int = 0) -> Outcome:
    reported: list[Progress] = []
    return Outcome(finetuner.run(autoencoders, parts, seed, reported.append), reported)


def assert_equal(one: list[np.ndarray], two: list[np.ndarray]) -> None:
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


def outputs(config: FinetuneConfig, trial: Trial, rows: np.ndarray) -> np.ndarray:
    """The network's outputs computed with NumPy from the weights that a trial gives back."""
    kernel, bias, kernel_2, bias_2, mean, variance, head, head_bias = by_layer(trial.weights)
    codes = np.maximum(np.maximum(rows @ kernel + bias, 0) @ kernel_2 + bias_2, 0)
    return (codes - mean) / np.sqrt(variance) @ head + head_bias


def by_layer(weights: list[np.ndarray]) -> list[np.ndarray]:
    """Two encoder layers, mean and variance of the codes, head."""
    assert [w.ndim for w in weights] == [2, 1, 2, 1, 1, 1, 2, 1]
    return weights


# It is plain gradient descent, the same for every arm


@pytest.mark.parametrize("rate", [1.0, 0.1])
def test_training_is_what_a_plain_keras_loop_does(rate, finetuner, encoders, parts):
    config = CONFIG.model_copy(update={"encoder_rates": (rate,), "checkpoints": 1})
    trial = run(finetuner(config), encoders[0], parts).trial
    network = build_network(SHAPE, 64, 10)
    initialize(network, encoders[0], parts.unlabelled, seed=0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    groups = [
        (keras.optimizers.AdamW(weight_decay=1e-4), network.encoder.trainable_variables, rate),
        (keras.optimizers.AdamW(weight_decay=1e-4), network.head.trainable_variables, 1.0),
    ]
    steps = 7 * 3  # three batches of 32 an epoch, 20 steps at least
    for step in range(steps):
        batches = shuffled_batches(100, 32, derive(0, "epoch", step // 3))
        batch = batches[step % 3]
        with tf.GradientTape(persistent=True) as tape:
            value = loss(parts.train.targets[batch], network.model(parts.train.rows[batch]))
        gradients = [tape.gradient(value, [v.value for v in group[1]]) for group in groups]
        for (optimizer, variables, factor), gradient in zip(groups, gradients, strict=True):
            optimizer.learning_rate = 0.01 * factor * (1 - step / steps)
            optimizer.apply(gradient, variables)
    for expected, got in zip(network.model.get_weights(), trial.weights, strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-4)


@pytest.mark.parametrize("rows", [100, 20])  # more and fewer than a batch has
def test_with_xla_a_trial_comes_out_alike(rows, finetuner, encoders, parts, monkeypatch):
    given = parts._replace(train=Labelled(parts.train.rows[:rows], parts.train.targets[:rows]))
    plain = run(finetuner(), encoders[0], given).trial
    monkeypatch.setattr("pipeline.training.finetuning.trainers.WORTH_MEASURING", 0)
    monkeypatch.setattr("pipeline.training.finetuning.trainers.faster_with_xla", lambda *_: True)
    compiled = new(CONFIG)
    trial = run(compiled, encoders[0], given).trial
    assert trial.attempt.encoder_rate == plain.attempt.encoder_rate
    for one, other in zip(trial.weights, plain.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)
    assert not np.array_equal(trial.weights[0], plain.weights[0])  # XLA adds in another order


@pytest.mark.parametrize(
    "switch", [{"dropout": 0.1}, {"corruption": MaskingNoise(share=0.2)}, {"pseudo_labels": 0.5}]
)
def test_where_fine_tuning_draws_at_random_xla_is_not_asked(switch, monkeypatch):
    monkeypatch.setattr("pipeline.training.finetuning.trainers.WORTH_MEASURING", 0)
    asked: list = []
    monkeypatch.setattr(
        "pipeline.training.finetuning.trainers.faster_with_xla", lambda *given: asked.append(given)
    )
    new(CONFIG.model_copy(update=switch))
    assert not asked
    new(CONFIG)
    assert len(asked) == 1


def test_arms_differ_in_the_encoder_s_first_weights_alone(finetuner, encoders, parts):
    # The same first weights, wherever they come from, give the same trial: batches, head, order,
    # rates.
    pretrained = run(finetuner(), encoders[0], parts)
    random = run(finetuner(), random_autoencoders(SHAPE, 64, seed=1), parts)
    assert_equal(pretrained.trial.weights, random.trial.weights)
    assert pretrained.reported == random.reported
    other = run(finetuner(), encoders[1], parts)
    assert not np.array_equal(random.trial.weights[0], other.trial.weights[0])


def test_a_trial_does_not_depend_on_the_trials_before_it(finetuner, encoders, parts):
    fresh = run(new(CONFIG), encoders[0], parts)
    run(finetuner(trains="head"), encoders[1], parts, seed=3)
    run(finetuner(), encoders[1], parts, seed=4)
    after_others = run(finetuner(), encoders[0], parts)
    assert_equal(fresh.trial.weights, after_others.trial.weights)
    assert fresh.trial.score == after_others.trial.score


def test_another_seed_has_another_head_and_order(finetuner, encoders, parts):
    one, two = (run(finetuner(trains="head"), encoders[0], parts, seed).trial for seed in (0, 1))
    assert not np.array_equal(one.weights[-2], two.weights[-2])


def test_a_trial_leaves_the_autoencoders_as_they_were(finetuner, encoders, parts):
    before = [autoencoder.get_weights() for autoencoder in encoders[0]]
    run(finetuner(), encoders[0], parts)
    for autoencoder, weights in zip(encoders[0], before, strict=True):
        assert_equal(autoencoder.get_weights(), weights)


def test_frozen_trains_the_head_alone(finetuner, encoders, parts):
    trial = run(finetuner(trains="head"), encoders[0], parts).trial
    network = build_network(SHAPE, 64, 10)
    initialize(network, encoders[0], parts.unlabelled, seed=0)
    *encoder, head, head_bias = network.model.get_weights()
    assert_equal(trial.weights[:-2], encoder)
    assert not np.array_equal(trial.weights[-2], head)
    assert not np.array_equal(trial.weights[-1], head_bias)
    assert trial.attempt.encoder_rate == 0
    assert trial.score > 0.25  # chance is 0.1


def test_the_other_arms_train_every_layer_but_not_the_standardisation(finetuner, encoders, parts):
    trial = run(finetuner(), encoders[0], parts).trial
    network = build_network(SHAPE, 64, 10)
    initialize(network, encoders[0], parts.unlabelled, seed=0)
    start = network.model.get_weights()
    moved = [not np.array_equal(a, b) for a, b in zip(trial.weights, start, strict=True)]
    assert moved == [True, True, True, True, False, False, True, True]


# Steps


@pytest.mark.parametrize(
    ("epochs", "min_steps", "steps"),
    [(4, 20, 21), (12, 20, 36), (1, 1, 3), (4, 22, 24)],
)
def test_steps_are_the_epochs_or_the_least_number(
    epochs, min_steps, steps, finetuner, encoders, parts
):
    # 100 rows make three full batches of 32 an epoch; whole epochs only.
    config = CONFIG.model_copy(update={"epochs": epochs, "min_steps": min_steps, "checkpoints": 1})
    outcome = run(finetuner(config, "head"), encoders[0], parts)
    assert (outcome.reported[-1].done, outcome.reported[-1].total) == (steps, steps)
    assert outcome.reported[-1].rows == 32 * steps


@pytest.mark.parametrize("trains", ["network", "head"])
def test_fewer_steps_than_checkpoints_are_a_checkpoint_each(trains, finetuner, encoders, parts):
    config = CONFIG.model_copy(update={"epochs": 1, "min_steps": 1, "checkpoints": 20})
    outcome = run(finetuner(config, trains), encoders[0], parts)
    assert [(p.epoch, p.done, p.epochs) for p in outcome.reported] == [(n, n, 3) for n in (1, 2, 3)]
    assert all(np.isfinite([p.loss, *p.metrics.values()]).all() for p in outcome.reported)
    assert np.isfinite(outcome.trial.score)


def test_fewer_labels_than_a_batch_are_one_batch(finetuner, encoders, parts):
    few = parts._replace(train=Labelled(parts.train.rows[:10], parts.train.targets[:10]))
    outcome = run(finetuner(), encoders[0], few)
    assert (outcome.reported[-1].total, outcome.reported[-1].rows) == (20, 200)


def test_checkpoints_divide_the_steps_evenly(finetuner, encoders, parts):
    reported = run(finetuner(), encoders[0], parts).reported
    assert [(p.epoch, p.done) for p in reported] == [(1, 6), (2, 11), (3, 16), (4, 21)]
    assert all(
        set(p.metrics) == {"loss", "validation_loss", "validation_accuracy"} for p in reported
    )


# What is kept


def test_the_best_checkpoint_on_validation_rows_is_kept(finetuner, encoders, parts):
    # At this rate the network is worse at the end than it was before.
    config = CONFIG.model_copy(
        update={"learning_rate": 0.1, "checkpoints": 12, "min_steps": 1, "epochs": 4}
    )
    for seed in range(4):
        outcome = run(finetuner(config), encoders[0], parts, seed)
        ranks = [(c["validation_accuracy"], -c["validation_loss"]) for c in outcome.checkpoints]
        best = ranks.index(max(ranks))
        trial = outcome.trial
        assert trial.validation_score == ranks[best][0]
        logits = outputs(config, trial, parts.validation.rows)
        assert np.mean(logits.argmax(axis=1) == parts.validation.targets) == ranks[best][0]
        losses = keras.losses.sparse_categorical_crossentropy(
            parts.validation.targets, logits, from_logits=True
        )
        assert float(np.mean(losses)) == pytest.approx(-ranks[best][1], rel=1e-4)
        if best < len(ranks) - 1:
            return
    pytest.fail("The last checkpoint was the best every time: nothing was tested.")


def test_the_encoder_s_rate_that_is_best_on_validation_rows_is_kept(finetuner, encoders, parts):
    alone = [
        run(
            finetuner(CONFIG.model_copy(update={"encoder_rates": (rate,)})),
            encoders[0],
            parts,
        ).trial
        for rate in RATES
    ]
    config = CONFIG.model_copy(update={"encoder_rates": RATES})
    outcome = run(finetuner(config), encoders[0], parts)
    scores = [trial.validation_score for trial in alone]
    best = alone[scores.index(max(scores))]
    assert len(set(scores)) > 1
    assert outcome.trial.attempt.encoder_rate == best.attempt.encoder_rate
    assert outcome.trial.validation_score == max(scores)
    assert_equal(outcome.trial.weights, best.weights)
    assert len(outcome.checkpoints) == 3 * CONFIG.checkpoints


def test_a_rate_of_zero_is_the_linear_probe(finetuner, encoders, parts):
    probe = run(finetuner(CONFIG.model_copy(update={"encoder_rates": (0.0,)})), encoders[0], parts)
    frozen = run(finetuner(trains="head"), encoders[0], parts)
    assert_equal(probe.trial.weights, frozen.trial.weights)
    assert probe.trial.validation_score == frozen.trial.validation_score


def tried_with_the_probe(finetuner, encoders, parts, rate: float, **changes):
    update = {"encoder_rates": (rate, 0.0), **changes}
    return run(finetuner(CONFIG.model_copy(update=update)), encoders[0], parts)


def test_other_rates_go_on_from_the_linear_probe(finetuner, encoders, parts):
    probe = run(finetuner(trains="head"), encoders[0], parts)
    outcome = tried_with_the_probe(finetuner, encoders, parts, rate=1e-9)
    before, after = outcome.checkpoints[: CONFIG.checkpoints], outcome.checkpoints[-1]
    assert before == probe.checkpoints
    # All but the head is as it was, so that it goes on from where the probe came to.
    alone = run(finetuner(CONFIG.model_copy(update={"encoder_rates": (1e-9,)})), encoders[0], parts)
    assert after["validation_loss"] < alone.checkpoints[-1]["validation_loss"]


def test_fine_tuning_is_never_behind_the_probe_on_validation_rows(finetuner, encoders, parts):
    probe = run(finetuner(trains="head"), encoders[0], parts).trial
    # A rate that destroys what there is: then the probe itself is kept.
    ruined = tried_with_the_probe(finetuner, encoders, parts, rate=1000.0).trial
    assert ruined.attempt.encoder_rate == 0
    tuned = tried_with_the_probe(finetuner, encoders, parts, rate=1.0).trial
    assert tuned.validation_score >= probe.validation_score
    assert tuned.attempt.encoder_rate == 1


def test_a_refit_goes_by_way_of_the_probe_too(finetuner, encoders, parts, refitted):
    tuned = tried_with_the_probe(finetuner, encoders, refitted, rate=1.0).trial
    assert tuned.attempt.encoder_rate == 1
    single = tried_with_the_probe(
        finetuner, encoders, parts._replace(train=refitted.refit), rate=1.0, checkpoints=1
    )
    assert_equal(tuned.weights, single.trial.weights)


@pytest.mark.parametrize("trains", ["network", "head"])
def test_of_all_that_is_tried_the_best_on_validation_rows_is_kept(
    finetuner, encoders, parts, trains
):
    values = [
        {"dropout": 0.5},
        {"dropout": 0.1, "weight_decay": 1.0},
        {"learning_rate": 1e-4, "dropout": 0.0},
    ]
    usual, *others = [CONFIG.model_copy(update=some) for some in values]
    alone = [run(finetuner(c, trains), encoders[0], parts).trial for c in (usual, *others)]
    tried = tuple(TriedToo(labels=1, **some) for some in values[1:])
    together = usual.model_copy(update={"also_tried": tried})
    outcome = run(finetuner(together, trains), encoders[0], parts)
    scores = [trial.validation_score for trial in alone]
    best = alone[scores.index(max(scores))]
    assert len(set(scores)) > 1
    assert outcome.trial.attempt == best.attempt
    assert_equal(outcome.trial.weights, best.weights)
    assert len(outcome.checkpoints) == 3 * CONFIG.checkpoints


def test_test_rows_have_no_influence_on_the_weights(finetuner, encoders, parts):
    config = CONFIG.model_copy(update={"encoder_rates": RATES})
    other = parts._replace(test=Labelled(parts.test.rows[::-1] * 0.5, parts.test.targets[::2]))
    other = other._replace(test=Labelled(other.test.rows[:200], other.test.targets))
    one, two = (run(finetuner(config), encoders[0], p) for p in (parts, other))
    assert_equal(one.trial.weights, two.trial.weights)
    assert one.reported == two.reported
    for name in ("validation_score", "attempt"):
        assert getattr(one.trial, name) == getattr(two.trial, name)
    assert one.trial.score != two.trial.score


# A refit


def test_a_refit_trains_on_its_rows_with_the_rate_that_was_chosen(
    finetuner, encoders, parts, refitted
):
    config = CONFIG.model_copy(update={"encoder_rates": RATES})
    chosen = run(finetuner(config), encoders[0], parts).trial
    outcome = run(finetuner(config), encoders[0], refitted)
    assert outcome.trial.attempt.encoder_rate == chosen.attempt.encoder_rate
    assert outcome.trial.validation_score == chosen.validation_score
    assert not np.array_equal(outcome.trial.weights[0], chosen.weights[0])
    # The last weights of a training on those rows: one checkpoint, whatever validation says.
    single = CONFIG.model_copy(
        update={"encoder_rates": (chosen.attempt.encoder_rate,), "checkpoints": 1}
    )
    plain = run(finetuner(single), encoders[0], parts._replace(train=refitted.refit))
    assert_equal(outcome.trial.weights, plain.trial.weights)
    assert [set(c) for c in outcome.checkpoints[-CONFIG.checkpoints :]] == [{"loss"}] * 4


def test_a_refit_leaves_a_frozen_encoder_frozen(finetuner, encoders, parts, refitted):
    frozen = run(finetuner(trains="head"), encoders[0], refitted).trial
    assert_equal(
        frozen.weights[:-2], run(finetuner(trains="head"), encoders[0], parts).trial.weights[:-2]
    )
    assert frozen.attempt.encoder_rate == 0


# Scores


def test_accuracy_is_of_the_weights_given_back(finetuner, encoders, parts):
    trial = run(finetuner(), encoders[0], parts).trial
    predicted = outputs(CONFIG, trial, parts.test.rows).argmax(axis=1)
    np.testing.assert_array_equal(trial.predicted.values, predicted)
    assert trial.score == pytest.approx(accuracy_score(parts.test.targets, predicted))
    assert trial.score > 0.5  # chance is 0.1


@pytest.fixture(scope="module")
def diabetes() -> Parts:
    """442 patients, ten numbers, progression from 25 to 346."""
    rows, targets = load_diabetes(return_X_y=True)
    rows = (rows / rows.std(axis=0)).astype("float32")
    return Parts(
        train=Labelled(rows[:200], targets[:200]),
        validation=Labelled(rows[200:260], targets[200:260]),
        refit=None,
        test=Labelled(rows[260:], targets[260:]),
        unlabelled=rows[:200],
    )


@pytest.mark.parametrize("trains", ["network", "head"])
def test_a_regression_is_scored_by_r_squared(trains, diabetes):
    autoencoders = random_autoencoders(SHAPE, 10, seed=1)
    outcome = run(new(CONFIG, trains, 10, 1, NUMBER), autoencoders, diabetes)
    coded = outputs(CONFIG, outcome.trial, diabetes.test.rows)[:, 0]
    targets = diabetes.train.targets
    predictions = coded * targets.std() + targets.mean()
    np.testing.assert_allclose(
        outcome.trial.predicted.values, predictions, atol=1e-4 * targets.std()
    )
    expected = r2_score(diabetes.test.targets, outcome.trial.predicted.values)
    assert outcome.trial.score == pytest.approx(expected, abs=1e-6)
    assert 0.2 < outcome.trial.score < 1
    assert set(outcome.checkpoints[0]) == {"loss", "validation_loss", "validation_r2"}


def far(labelled: Labelled) -> Labelled:
    """The same rows with targets such as times are: 1.764e9 +/- 37."""
    return Labelled(labelled.rows, 1.764e9 + (labelled.targets - 152) / 77 * 37)


def test_a_number_far_from_0_is_learned_as_well_as_one_near_it(diabetes):
    autoencoders = random_autoencoders(SHAPE, 10, seed=1)
    moved = diabetes._replace(
        train=far(diabetes.train), validation=far(diabetes.validation), test=far(diabetes.test)
    )
    finetuner = new(CONFIG, "network", 10, 1, NUMBER)
    near, away = (run(finetuner, autoencoders, given).trial for given in (diabetes, moved))
    assert away.score == pytest.approx(near.score, abs=1e-3)
    assert len(np.unique(away.predicted.values)) == len(np.unique(near.predicted.values)) > 150


def test_offset_and_scale_of_a_number_are_those_of_the_label_budget(diabetes):
    autoencoders = random_autoencoders(SHAPE, 10, seed=1)
    finetuner = new(CONFIG, "network", 10, 1, NUMBER)
    of_budget = [
        diabetes._replace(
            train=Labelled(diabetes.train.rows[:labels], diabetes.train.targets[:labels])
        )
        for labels in (50, 200)
    ]
    for given in of_budget:
        targets = given.train.targets
        coding = run(finetuner, autoencoders, given).trial.coding
        assert coding == pytest.approx(Coding(targets.mean(), targets.std()))
    # Neither the targets of validation rows nor those of test rows count.
    elsewhere = of_budget[0]._replace(validation=far(diabetes.validation), test=far(diabetes.test))
    targets = of_budget[0].train.targets
    coding = run(finetuner, autoencoders, elsewhere).trial.coding
    assert coding == pytest.approx(Coding(targets.mean(), targets.std()))
    # Those of all rows that a refit trains on do: the budget includes them.
    everything = Labelled(
        *(
            np.concatenate(both)
            for both in zip(diabetes.train[:2], diabetes.validation[:2], strict=True)
        )
    )
    refitted = run(finetuner, autoencoders, diabetes._replace(refit=everything)).trial
    targets = everything.targets
    assert refitted.coding == pytest.approx(Coding(targets.mean(), targets.std()))


# Sparsity and divergence


@pytest.mark.parametrize("sparsity", [BatchTopKLimit(k=4), JumpReLUPenalty(initial_threshold=1)])
def test_a_limit_that_is_passed_on_is_kept_while_the_encoder_learns(sparsity, parts):
    stack = untrained((LevelConfig(units=24, sparsity=sparsity, passes_on="code"),), decoder=False)
    autoencoders = random_autoencoders(stack, 64, seed=1)
    autoencoders[0](parts.unlabelled, training=True)
    finetuner = Finetuner(CONFIG.training("network", 100), stack, 64, 10, CLASSES)
    trial = run(finetuner, autoencoders, parts).trial
    finetuner.network.model.set_weights(trial.weights)
    codes = finetuner.network.encoder.predict_on_batch(parts.test.rows)
    kernel, bias = trial.weights[:2]
    activations = np.maximum(parts.test.rows @ kernel + bias, 0)
    threshold = trial.weights[2]
    threshold = threshold if sparsity.mechanism == "batch_topk" else np.exp(threshold)
    reached = activations >= threshold
    assert 0.02 < reached.mean() < 0.6
    np.testing.assert_allclose(codes, np.where(reached, activations, 0), atol=1e-5)
    assert trial.score > 0.25


def test_a_trial_that_diverges_is_an_error(finetuner, encoders, parts):
    config = CONFIG.model_copy(update={"learning_rate": 1e25})
    with pytest.raises(DivergedError, match="lower the learning rate"):
        run(finetuner(config), encoders[0], parts)


# Several labels, and what may be added to the loss


@pytest.fixture(scope="module")
def labels(parts) -> Parts:
    """The digits with two labels each: odd, and with a closed loop."""

    def of(labelled: Labelled) -> Labelled:
        digit = labelled.targets
        columns = [digit % 2, np.isin(digit, (0, 6, 8, 9))]
        return Labelled(labelled.rows, np.stack(columns, axis=1).astype("float32"))

    return parts._replace(
        train=of(parts.train), validation=of(parts.validation), test=of(parts.test)
    )


@pytest.mark.parametrize("trains", ["network", "head"])
def test_several_labels_are_scored_by_f1(trains, encoders, labels):
    config = CONFIG.model_copy(update={"min_steps": 200})  # random codes take their time
    outcome = run(new(config, trains, 64, 2, LABELS), encoders[0], labels)
    temperature, thresholds = outcome.trial.decision
    probabilities = expit(outputs(config, outcome.trial, labels.test.rows) / temperature)
    predicted = probabilities >= (thresholds or 0.5)
    np.testing.assert_array_equal(outcome.trial.predicted.values, predicted)
    expected = f1_score(labels.test.targets, predicted, average="micro")
    assert outcome.trial.score == pytest.approx(expected)
    everything = np.ones_like(labels.test.targets)
    assert outcome.trial.score > f1_score(labels.test.targets, everything, average="micro")
    assert set(outcome.checkpoints[0]) == {"loss", "validation_loss", "validation_f1"}


SWITCHES = [
    {"corruption": MaskingNoise(share=0.3)},
    {"dropout": 0.3},
    {"pseudo_labels": 1.0},
    {"reconstruction": 1.0},
]


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: next(iter(switch)))
def test_a_switch_serves_both_arms_alike_and_repeats_itself(switch, encoders, parts):
    config = CONFIG.model_copy(update={"min_steps": 40})
    finetuner = new(config.model_copy(update=switch))
    one = run(finetuner, encoders[0], parts)
    run(finetuner, encoders[1], parts, seed=3)
    again = run(finetuner, encoders[0], parts)
    assert_equal(one.trial.weights, again.trial.weights)
    assert one.reported == again.reported
    plain = run(new(config), encoders[0], parts)
    assert not np.array_equal(plain.trial.weights[0], one.trial.weights[0])
    assert one.trial.score > 0.4  # 42 steps; chance is 0.1


def test_pseudo_labels_grow_within_a_long_stretch_between_checkpoints_too(encoders, parts):
    settings = {"checkpoints": 1, "min_steps": 250}
    weights = []
    for weight in (0.0, 1.0):
        config = CONFIG.model_copy(update=settings | {"pseudo_labels": weight})
        finetuner = new(config)
        weights.append(run(finetuner, encoders[0], parts).trial.weights[0])
    assert np.abs(weights[0] - weights[1]).max() > 1e-3


def test_a_reconstructing_network_reconstructs_better(encoders, parts, monkeypatch):
    made: list[keras.Sequential] = []

    def watched(*given) -> keras.Sequential:
        made.append(build_decoder(*given))
        return made[-1]

    monkeypatch.setattr("pipeline.training.finetuning.finetune.build_decoder", watched)
    finetuner = new(CONFIG.model_copy(update={"reconstruction": 3.0, "min_steps": 200}))
    (decoder,) = made

    def error() -> float:
        codes = finetuner.network.encoder(parts.unlabelled)
        return float(np.square(decoder(codes) - parts.unlabelled).mean())

    initialize(finetuner.network, encoders[0], parts.unlabelled, seed=0)
    initialize_decoder(decoder, encoders[0])
    before = error()
    run(finetuner, encoders[0], parts)
    assert error() < 0.5 * before


# Rare classes


@pytest.mark.parametrize("trains", ["network", "head"])
def test_with_balanced_weights_a_rare_class_is_found_more_often(trains, parts, encoders):
    def rare(labelled: Labelled) -> Labelled:
        return Labelled(labelled.rows, (labelled.targets == 8).astype("int32"))

    given = parts._replace(
        train=rare(parts.train), validation=rare(parts.validation), test=rare(parts.test)
    )
    found = {}
    for weights in (None, "balanced"):
        # One checkpoint: the last weights, whatever validation rows say.
        update = {"class_weights": weights, "checkpoints": 1}
        config = CONFIG.model_copy(update=update)
        finetuner = new(config, trains, outputs=2)
        trial = run(finetuner, encoders[0], given).trial
        found[weights] = trial.predicted.values.sum()
    assert found["balanced"] > 1.2 * found[None]


@pytest.mark.parametrize("trains", ["network", "head"])
def test_rows_that_weigh_nearly_nothing_teach_nearly_nothing(parts, encoders, trains):
    """Each row is there twice, with its class and with another."""
    train = parts.train
    rows = np.concatenate([train.rows, train.rows])
    targets = np.concatenate([train.targets, (train.targets + 1) % 10])
    weighing = Finetuner(CONFIG.training(trains, 100), SHAPE, 64, 10, CLASSES, weighed=True)
    scores = []
    for weights in ([1.0, 1e-6], [1e-6, 1.0]):
        given = Labelled(rows, targets, np.repeat(weights, 100))
        scores.append(run(weighing, encoders[0], parts._replace(train=given)).trial.score)
    assert scores[0] > {"network": 0.6, "head": 0.3}[trains]
    assert scores[1] < 0.2


def test_checkpoint_and_scores_are_chosen_by_weighed_rows(parts, encoders):
    weighing = Finetuner(CONFIG.training("network", 100), SHAPE, 64, 10, CLASSES, weighed=True)
    ones = parts._replace(
        **{
            name: getattr(parts, name)._replace(weights=np.ones(len(getattr(parts, name).rows)))
            for name in ("train", "validation")
        }
    )
    first = run(weighing, encoders[0], ones).trial
    right = first.predicted.values == parts.test.targets
    weights = np.where(right, 1.0, 3.0)
    weighed = ones._replace(test=parts.test._replace(weights=weights))
    assert run(weighing, encoders[0], weighed).trial.score == pytest.approx(
        right.sum() / weights.sum()
    )
    plain = run(new(CONFIG), encoders[0], parts).trial
    assert_equal(first.weights, plain.weights)
