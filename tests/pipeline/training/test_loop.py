"""The training engine: against NumPy's gradient steps, and a plain Keras loop."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

from pipeline.training.loop import (
    BLOCK_STEPS,
    DivergedError,
    ParameterGroup,
    Trainer,
    blocks,
    shuffled_batches,
    steps_together,
)

ROWS, TARGETS = load_digits(return_X_y=True)
ROWS, TARGETS = (ROWS[:200] / 16).astype("float32"), TARGETS[:200].astype("float32")
BATCHES = shuffled_batches(200, 32, seed=1)


class LinearRegression:
    """targets = rows @ weights + bias, trained on the mean squared error."""

    def __init__(self, optimizers: list, batch_size: int | None = 32, xla: bool = False):
        self.weights = keras.Variable(np.full(64, 0.1, "float32"))
        self.bias = keras.Variable(np.float32(0.5))
        variables = [self.weights, self.bias]
        groups = [variables] if len(optimizers) == 1 else [[variable] for variable in variables]
        self.trainer = Trainer(
            self.loss,
            [ParameterGroup(*pair) for pair in zip(optimizers, groups, strict=True)],
            [tf.TensorSpec((None, 64), tf.float32), tf.TensorSpec((None,), tf.float32)],
            batch_size,
            xla=xla,
        )

    def loss(self, rows, targets):
        return tf.reduce_mean((tf.linalg.matvec(rows, self.weights) + self.bias - targets) ** 2)

    def run(self, batches, rates, rows=ROWS, targets=TARGETS) -> float:
        return self.trainer.run(
            batches, np.asarray(rates), tf.constant(rows), tf.constant(targets, tf.float32)
        )

    @property
    def parameters(self) -> np.ndarray:
        return np.append(self.weights.numpy(), self.bias.numpy())


def gradient(parameters: np.ndarray, batch: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean squared error of a batch and its derivative by weights and bias, in float64."""
    rows = np.append(ROWS[batch], np.ones((len(batch), 1)), axis=1).astype("float64")
    errors = rows @ parameters - TARGETS[batch]
    return np.mean(errors**2), 2 * rows.T @ errors / len(batch)


@pytest.mark.parametrize("xla", [False, True])
def test_steps_are_those_of_gradient_descent(xla):
    rates = [0.01, 0.02, 0.005, 0.001, 0.0, 0.03]
    regression = LinearRegression([keras.optimizers.SGD()], xla=xla)
    expected, losses = regression.parameters.astype("float64"), []
    for batch, rate in zip(BATCHES, rates, strict=True):
        loss, slope = gradient(expected, batch)
        losses.append(loss)
        expected = expected - rate * slope
    loss = regression.run(BATCHES, np.array(rates)[:, None])
    np.testing.assert_allclose(regression.parameters, expected, rtol=1e-5)
    assert loss == pytest.approx(np.mean(losses), rel=1e-5)


@pytest.mark.parametrize("xla", [False, True])
def test_each_group_has_its_own_adam_and_rate(xla):
    # Kingma & Ba (2015), algorithm 1, with Keras's place for epsilon.
    rates = np.array([[0.01, 0.1], [0.02, 0.05], [0.03, 0.0]])
    regression = LinearRegression([keras.optimizers.Adam(), keras.optimizers.Adam()], xla=xla)
    expected = regression.parameters.astype("float64")
    moment, square = np.zeros(65), np.zeros(65)
    for step, (batch, (rate, bias_rate)) in enumerate(zip(BATCHES[:3], rates, strict=True), 1):
        slope = gradient(expected, batch)[1]
        moment = 0.9 * moment + 0.1 * slope
        square = 0.999 * square + 0.001 * slope**2
        corrected = np.append(np.full(64, rate), bias_rate) * np.sqrt(1 - 0.999**step)
        expected -= corrected / (1 - 0.9**step) * moment / (np.sqrt(square) + 1e-7)
    regression.run(BATCHES[:3], rates)
    np.testing.assert_allclose(regression.parameters, expected, rtol=1e-5)


@pytest.mark.parametrize("xla", [False, True])
def test_many_steps_in_one_call_are_the_same_as_many_calls(xla):
    together, apart = (LinearRegression([keras.optimizers.Adam()], xla=xla) for _ in range(2))
    rates = np.linspace(0.02, 0.001, len(BATCHES))[:, None]
    together.run(BATCHES, rates)
    for start in range(0, len(BATCHES), 2):
        apart.run(BATCHES[start : start + 2], rates[start : start + 2])
    np.testing.assert_array_equal(together.parameters, apart.parameters)


def test_a_keras_layer_s_constraint_holds_after_each_step():
    layer = keras.layers.Dense(3, kernel_constraint=keras.constraints.UnitNorm(axis=0))
    layer.build((None, 64))
    trainer = Trainer(
        lambda rows: tf.reduce_mean(layer(rows) ** 2),
        [ParameterGroup(keras.optimizers.SGD(), layer.trainable_variables)],
        [tf.TensorSpec((None, 64), tf.float32)],
    )
    trainer.run(BATCHES[:1], np.array([[0.1]]), tf.constant(ROWS))
    norms = np.linalg.norm(layer.kernel.numpy(), axis=0)
    np.testing.assert_allclose(norms, 1, rtol=1e-6)


def test_after_a_reset_training_starts_as_if_new():
    regression = LinearRegression([keras.optimizers.Adam()])
    start = regression.parameters
    rates = np.full((len(BATCHES), 1), 0.01)
    ends = []
    for reset in (False, False, True):
        regression.weights.assign(start[:-1])
        regression.bias.assign(start[-1])
        if reset:
            regression.trainer.reset()
        regression.run(BATCHES, rates)
        ends.append(regression.parameters)
    assert not np.array_equal(ends[0], ends[1])  # Adam remembers
    np.testing.assert_array_equal(ends[0], ends[2])


def test_batches_of_different_sizes_train_without_a_fixed_size():
    regression = LinearRegression([keras.optimizers.SGD()], batch_size=None)
    start = regression.parameters.astype("float64")
    big, small = BATCHES[:1], BATCHES[1:2, :5]
    regression.run(big, [[0.01]])
    regression.run(small, [[0.01]])
    between = start - 0.01 * gradient(start, big[0])[1]
    expected = between - 0.01 * gradient(between, small[0])[1]
    np.testing.assert_allclose(regression.parameters, expected, rtol=1e-5)


@pytest.mark.parametrize("xla", [False, True])
def test_a_loss_that_grows_beyond_all_bounds_is_an_error(xla):
    regression = LinearRegression([keras.optimizers.SGD()], xla=xla)
    with pytest.raises(DivergedError, match="lower the learning rate"):
        for _ in range(20):
            regression.run(BATCHES, np.full((len(BATCHES), 1), 1e3))


@pytest.mark.parametrize("xla", [False, True])
def test_a_loss_that_is_not_a_number_is_an_error(xla):
    regression = LinearRegression([keras.optimizers.SGD()], xla=xla)
    with pytest.raises(DivergedError, match="the training loss became nan"):
        regression.run(BATCHES, np.full((len(BATCHES), 1), 0.01), targets=TARGETS * np.nan)


# With XLA


def denoise(xla: bool) -> tuple[list[float], np.ndarray, np.ndarray]:
    """Two epochs of scales that undo noise: losses, scales, state of the noise seed."""
    scales = keras.Variable(np.full(64, 0.1, "float32"))
    noise = keras.layers.GaussianNoise(0.5, seed=3)
    trainer = Trainer(
        lambda noisy, rows: tf.reduce_mean((noisy * scales - rows) ** 2),
        [ParameterGroup(keras.optimizers.Adam(), [scales])],
        [tf.TensorSpec((None, 64), tf.float32)],
        32,
        corrupt=lambda rows: noise(rows, training=True),
        xla=xla,
    )
    rates = np.linspace(0.1, 0.01, len(BATCHES))[:, None]
    losses = [trainer.run(BATCHES, rates, tf.constant(ROWS)) for _ in range(2)]
    return losses, scales.numpy(), noise.seed_generator.state.numpy()


@pytest.mark.parametrize("length", [1, 4, 6, 25])
def test_xla_takes_the_same_steps_with_the_same_noise_however_they_are_parted(length, monkeypatch):
    monkeypatch.setattr("pipeline.training.loop.XLA_STEPS", length)
    losses, weights, state = denoise(xla=False)
    xla_losses, xla_weights, xla_state = denoise(xla=True)
    assert losses[1] < losses[0]
    np.testing.assert_allclose(xla_losses, losses, rtol=1e-5)
    np.testing.assert_allclose(xla_weights, weights, rtol=1e-4)
    np.testing.assert_array_equal(xla_state, state)


@pytest.mark.parametrize(
    ("batch_size", "features", "steps"),
    [(256, 784, 25), (1024, 784, 10), (1024, 100_000, 1), (1, 2, 25)],
)
def test_xla_gets_few_steps_at_once_where_rows_are_large(batch_size, features, steps):
    rows = tf.TensorSpec((None, features), tf.float32)
    assert steps_together(batch_size, [rows]) == steps


# Batches


@pytest.mark.parametrize(
    ("rows", "size", "shape"),
    [(10, 3, (3, 3)), (12, 3, (4, 3)), (5, 8, (1, 5)), (1, 1, (1, 1)), (1000, 7, (142, 7))],
)
def test_an_epoch_is_made_of_full_batches_without_repetition(rows, size, shape):
    batches = shuffled_batches(rows, size, seed=0)
    assert batches.shape == shape
    indices = batches.ravel()
    assert len(set(indices.tolist())) == batches.size
    assert (indices.min() >= 0) and (indices.max() < rows)


def test_where_the_batch_size_divides_every_row_is_seen():
    np.testing.assert_array_equal(np.sort(shuffled_batches(96, 8, 3).ravel()), np.arange(96))


def test_rows_that_one_epoch_leaves_out_are_in_others():
    counts = np.bincount(
        np.concatenate([shuffled_batches(10, 4, seed).ravel() for seed in range(500)])
    )
    # Each of 500 epochs leaves two of ten rows out: every row is in 400, give or take five
    # standard deviations.
    np.testing.assert_allclose(counts, 400, atol=5 * np.sqrt(500 * 0.8 * 0.2))


def test_a_seed_gives_one_order_and_another_seed_another():
    first, again, other = (shuffled_batches(100, 10, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first.ravel(), np.arange(100))


@pytest.mark.parametrize("steps", [0, 1, BLOCK_STEPS, BLOCK_STEPS + 1, 2 * BLOCK_STEPS + 50])
def test_blocks_are_the_steps_in_order_none_too_long(steps):
    batches = np.arange(steps)[:, None]
    parts = [batches[block] for block in blocks(batches)]
    assert all(0 < len(part) <= BLOCK_STEPS for part in parts)
    assert [index for part in parts for index in part.ravel()] == list(range(steps))
    assert len(parts) == -(-steps // BLOCK_STEPS)


@pytest.mark.parametrize("xla", [False, True])
def test_numbers_too_small_for_full_speed_count_as_zero(xla):
    """Denormal float32 slow a processor down a hundredfold: TensorFlow's threads flush them."""
    weight = keras.Variable(np.ones(64, "float32"))
    denormal = np.full((200, 64), 1e-40, "float32")  # float32 has 1.2e-38 and more at full speed
    trainer = Trainer(
        lambda rows: tf.reduce_sum(rows * weight),
        [ParameterGroup(keras.optimizers.SGD(), [weight])],
        [tf.TensorSpec((None, 64), tf.float32)],
        32,
        xla=xla,
    )
    trainer.run(BATCHES, np.full((len(BATCHES), 1), 1e37), tf.constant(denormal))
    np.testing.assert_array_equal(weight.numpy(), np.ones(64))
