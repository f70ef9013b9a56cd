"""What fine-tuning minimises beside the supervised loss, against NumPy, on real digits."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.config.corruption import MaskingNoise
from pipeline.config.finetune import HeadTraining, NetworkTraining
from pipeline.config.level import LevelConfig
from pipeline.config.task import ClassificationTask, MultilabelTask, RegressionTask
from pipeline.config.untrained import untrained
from pipeline.tasks import task_of
from pipeline.training.finetuning.network import (
    build_network,
    initialize,
    random_autoencoders,
)
from pipeline.training.finetuning.objective import (
    HeadObjective,
    NetworkObjective,
    reads_unlabelled,
)
from pipeline.training.stack import build_decoder, initialize_decoder

STACK = untrained(
    (LevelConfig(units=24), LevelConfig(units=16, tied=True, decoder_activation="sigmoid")),
    decoder=True,
)
CLASSES = task_of(ClassificationTask())


class Made:
    """An objective on digits with the stack's untrained weights."""

    def __init__(self, rows: np.ndarray, classes: np.ndarray, **settings):
        self.rows, self.classes = rows, classes
        self.unlabelled = rows[1000:1001]  # one row, so that it is the one that is drawn
        self.autoencoders = random_autoencoders(STACK, 64, seed=0)
        self.network = build_network(STACK, 64, 10)
        initialize(self.network, self.autoencoders, rows[:500], seed=0)
        self.decoder = build_decoder(STACK, 64)
        initialize_decoder(self.decoder, self.autoencoders)
        self.training = NetworkTraining(**settings)
        decoder = self.decoder if self.training.reconstruction else None
        self.objective = NetworkObjective(self.training, self.network, decoder, CLASSES, ())
        self.objective.begin(rows[1000:], seed=5)

    def loss(self) -> float:
        given = (self.unlabelled,) if reads_unlabelled(self.training) else ()
        return float(self.objective.loss(self.rows[:32], self.classes[:32], *given))

    def supervised(self, rows: np.ndarray, classes: np.ndarray) -> float:
        """Cross-entropy by NumPy."""
        logits = self.network.model(rows).numpy()
        chosen = logits[np.arange(len(rows)), classes]
        return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - chosen))


@pytest.fixture
def made(digits):
    return lambda **settings: Made(*digits, **settings)


def test_nothing_is_added_unless_it_is_asked_for(made):
    plain = made()
    assert not reads_unlabelled(plain.training)
    assert not plain.objective.draws
    assert plain.loss() == pytest.approx(plain.supervised(plain.rows[:32], plain.classes[:32]))


def test_pseudo_labels_begin_at_nothing_and_grow_to_their_weight(made):
    one = made(pseudo_labels=2.0)
    supervised = one.supervised(one.rows[:32], one.classes[:32])
    taken_for = one.network.model(one.unlabelled).numpy().argmax(axis=1)
    pseudo = one.supervised(one.unlabelled, taken_for)
    for done in (0.0, 0.5, 1.0):
        one.objective.advance(done)
        assert one.loss() == pytest.approx(supervised + 2 * done * pseudo, rel=1e-4)


def test_no_gradient_goes_through_what_a_row_is_taken_for(made):
    one = made(pseudo_labels=1.0)
    one.objective.advance(1.0)
    model = one.network.model
    variables = [v.value for v in model.trainable_variables]
    taken_for = model(one.unlabelled).numpy().argmax(axis=1)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    with tf.GradientTape(persistent=True) as tape:
        loss = one.objective.loss(one.rows[:32], one.classes[:32], one.unlabelled)
        # The same where what the row is taken for is a constant.
        constant = cross_entropy(one.classes[:32], model(one.rows[:32]))
        constant += cross_entropy(taken_for, model(one.unlabelled))
    for got, expected in zip(
        tape.gradient(loss, variables), tape.gradient(constant, variables), strict=True
    ):
        assert np.abs(expected).max() > 0
        np.testing.assert_allclose(got, expected, atol=1e-6)


def test_reconstruction_is_what_the_autoencoders_make_of_the_code(made):
    one = made(reconstruction=0.5)
    first, second = one.autoencoders
    code = second.encoder(first.encoder(one.unlabelled))
    back = first.decode(tf.nn.relu(second.decode(code))).numpy()
    error = np.square(back - one.unlabelled).mean() / one.rows[1000:].var(axis=0).mean()
    supervised = one.supervised(one.rows[:32], one.classes[:32])
    assert one.loss() == pytest.approx(supervised + 0.5 * error, rel=1e-4)


@pytest.mark.parametrize(
    "settings", [{"dropout": 0.5}, {"corruption": MaskingNoise(share=0.5)}], ids=str
)
def test_noise_is_drawn_anew_each_step_and_again_the_same_from_the_same_seed(settings, made):
    one = made(**settings)
    losses_seen = [one.loss() for _ in range(3)]
    assert len(set(losses_seen)) == 3
    one.objective.begin(one.unlabelled, seed=5)
    assert [one.loss() for _ in range(3)] == losses_seen
    one.objective.begin(one.unlabelled, seed=6)
    assert one.loss() not in losses_seen


def test_dropout_keeps_the_mean_of_a_linear_head(made):
    network = made().network
    codes = np.ones((20_000, 16), "float32")
    head = keras.layers.Dense(1)
    kept = head(codes).numpy().mean()
    objective = HeadObjective(
        HeadTraining(dropout=0.5), network._replace(head=head), task_of(RegressionTask())
    )

    def loss(target: float) -> float:
        objective.begin(codes, seed=5)
        return float(objective.loss(codes, np.full(20_000, target, "float32")))

    # Of squared errors with the same noise, E(o^2) - E((1 - o)^2) = 2 E(o) - 1.
    dropped = (loss(0.0) - loss(1.0) + 1) / 2
    assert dropped == pytest.approx(kept, abs=0.03)
    assert loss(kept) > 0.1  # something was left out


def test_losses_and_predictions_of_several_labels():
    outputs = np.array([[2.0, -1.0], [0.5, 0.0]], "float32")
    targets = np.array([[1.0, 0.0], [0.0, 1.0]], "float32")
    probabilities = 1 / (1 + np.exp(-outputs))
    expected = -(targets * np.log(probabilities) + (1 - targets) * np.log(1 - probabilities))
    task = task_of(MultilabelTask())
    got = task.losses(targets, outputs).numpy()
    np.testing.assert_allclose(got, expected.mean(axis=1), rtol=1e-5)
    assert task.predictions(outputs).tolist() == [[1, 0], [1, 0]]


def test_rows_count_in_the_loss_by_their_weights(made):
    """Beside what unlabelled rows add to it, which is not weighed."""
    for settings in ({}, {"reconstruction": 0.5}):
        one = made(**settings)
        objective = NetworkObjective(
            one.training, one.network, one.decoder if settings else None, CLASSES, (), weighed=True
        )
        objective.begin(one.rows[1000:], seed=5)
        weights = np.random.default_rng(0).random(32).astype("float32")
        given = (one.unlabelled,) if settings else ()
        found = float(objective.loss(one.rows[:32], one.classes[:32], weights, *given))
        each = [one.supervised(one.rows[n : n + 1], one.classes[n : n + 1]) for n in range(32)]
        added = one.loss() - one.supervised(one.rows[:32], one.classes[:32])
        assert found == pytest.approx(np.mean(weights * each) + added, rel=1e-5)
