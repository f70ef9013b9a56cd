"""What fine-tuning minimises beside the supervised loss, against NumPy, on real digits."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline.config.corruption import MaskingNoise
from pipeline.config.finetune import FinetuneConfig
from pipeline.config.level import LevelConfig
from pipeline.training.finetuning.network import (
    build_decoder,
    build_network,
    initialize,
    initialize_decoder,
)
from pipeline.training.finetuning.network import random_autoencoders as untrained
from pipeline.training.finetuning.objective import Objective, losses, predictions

STACK = (LevelConfig(units=24), LevelConfig(units=16, tied=True, decoder_activation="sigmoid"))


class Made:
    """An objective on digits with the stack's untrained weights."""

    def __init__(self, rows: np.ndarray, classes: np.ndarray, **settings):
        self.rows, self.classes = rows, classes
        self.unlabelled = rows[1000:1001]  # one row, so that it is the one that is drawn
        self.autoencoders = untrained(STACK, 64, seed=0)
        self.network = build_network(STACK, 64, 10)
        initialize(self.network, self.autoencoders, rows[:500], seed=0)
        self.decoder = build_decoder(STACK, 64)
        initialize_decoder(self.decoder, self.autoencoders)
        self.objective = Objective(
            FinetuneConfig(**settings), self.network, self.decoder, "classification"
        )
        self.objective.begin(rows[1000:], seed=5)

    def loss(self) -> float:
        given = (self.unlabelled,) if self.objective.reads_unlabelled else ()
        return float(self.objective.of_rows(self.rows[:32], self.classes[:32], *given))

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
    assert not plain.objective.reads_unlabelled
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
    with tf.GradientTape() as tape:
        loss = one.objective.of_rows(one.rows[:32], one.classes[:32], one.unlabelled)
    gradients = tape.gradient(loss, [v.value for v in one.network.model.trainable_variables])
    assert all(np.isfinite(gradient).all() for gradient in gradients)


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
    one = made(dropout=0.5)
    codes = np.ones((20_000, 16), "float32")
    targets = np.zeros(20_000, "int32")
    kept = one.network.head(codes).numpy()
    dropped = one.network.head(one.objective._drop(tf.constant(codes))).numpy()
    np.testing.assert_allclose(dropped.mean(axis=0), kept.mean(axis=0), atol=2e-3)
    assert np.isfinite(float(one.objective.of_codes(codes, targets)))


def test_losses_and_predictions_of_several_labels():
    outputs = np.array([[2.0, -1.0], [0.5, 0.0]], "float32")
    targets = np.array([[1.0, 0.0], [0.0, 1.0]], "float32")
    probabilities = 1 / (1 + np.exp(-outputs))
    expected = -(targets * np.log(probabilities) + (1 - targets) * np.log(1 - probabilities))
    got = losses("multilabel", targets, outputs).numpy()
    np.testing.assert_allclose(got, expected.mean(axis=1), rtol=1e-5)
    assert predictions("multilabel", outputs).tolist() == [[1, 0], [1, 0]]
