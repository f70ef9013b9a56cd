"""Fine-tuning one trial: an arm, a label budget and a seed, from initial weights to test score."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from layers import SparseAutoencoder
from pipeline.config import Arm, FinetuneConfig, LevelConfig
from pipeline.engine import ParameterGroup, Progress, Trainer, Watch, blocks, shuffled_batches
from pipeline.network import build_network, initialize
from pipeline.seeds import derive
from pipeline.trials import Labelled, Parts

PREDICTED_ROWS = 4096
FROZEN = ("frozen", "untrained_codes")
"""Arms that train the head alone."""


class Trial(NamedTuple):
    """The outcome of one trial."""

    score: float
    """Accuracy, or R squared for a regression, on the test rows."""
    validation_score: float
    """The same on the validation rows, of the weights kept (of the weights before a refit)."""
    encoder_rate: float
    """The multiple of the head's learning rate that was kept; 0 where the head alone is trained."""
    predictions: np.ndarray
    """Class numbers or standardised targets for the test rows."""
    weights: list[np.ndarray]
    """Of the whole network, in Keras's order."""
    moved: list[float]
    """For each level: Euclidean distance of its kernel from where it began, over its norm then."""


class Finetuner:
    """Trains networks of one shape; what TensorFlow compiles serves all trials of that shape."""

    def __init__(
        self, config: FinetuneConfig, stack: Sequence[LevelConfig], features: int, classes: int
    ):
        """`classes` is the number of classes, or 0 for a regression."""
        self.config = config
        self.classes = classes
        self.network = build_network(stack, features, max(classes, 1))
        units = stack[-1].units
        self._whole = Trainer(
            partial(self._loss, self.network.model),
            [self._group(self.network.encoder), self._group(self.network.head)],
            [tf.TensorSpec((None, features), tf.float32), self._target_spec()],
        )
        self._head = Trainer(
            partial(self._loss, self.network.head),
            [self._group(self.network.head)],
            [tf.TensorSpec((None, units), tf.float32), self._target_spec()],
        )
        self._outputs = tf.function(
            partial(self.network.model, training=False),
            input_signature=[tf.TensorSpec((None, features), tf.float32)],
        )
        self._codes = tf.function(
            lambda rows: self.network.standardize(self.network.encoder(rows, training=False)),
            input_signature=[tf.TensorSpec((None, features), tf.float32)],
        )

    def run(
        self,
        arm: Arm,
        autoencoders: Sequence[SparseAutoencoder],
        parts: Parts,
        seed: int,
        watch: Watch,
        more_steps: int = 0,
    ) -> Trial:
        """Train one trial from the autoencoders' encoders and score it.

        `seed` decides the head's first weights and the batch order, so trials of different arms
        with the same seed differ in the encoder's first weights alone. `more_steps` are divided
        among the encoder's rates that are tried. Raises `DivergedError`.
        """
        start = partial(initialize, self.network, autoencoders, parts.unlabelled, seed)
        rates = (0.0,) if arm in FROZEN else self.config.encoder_rates
        more = more_steps // len(rates)
        start()
        before = self._kernels()
        best: tuple[float, float, list[np.ndarray]] | None = None
        for rate in rates:
            start()
            score, weights = self._train(rate, parts.train, parts.validation, seed, watch, more)
            if best is None or score > best[0]:
                best = (score, rate, weights)
        assert best is not None
        validation_score, rate, weights = best
        if parts.refit:
            start()
            _, weights = self._train(rate, parts.refit, None, seed, watch, more)
        self.network.model.set_weights(weights)
        outputs = self._predict(parts.test.rows)
        predictions = outputs.argmax(axis=1) if self.classes else outputs[:, 0]
        score = self._score(outputs, parts.test.targets)
        moved = [
            float(np.linalg.norm(after - kernel) / np.linalg.norm(kernel))
            for kernel, after in zip(before, self._kernels(), strict=True)
        ]
        return Trial(score, validation_score, rate, predictions, weights, moved)

    def _train(
        self,
        rate: float,
        train: Labelled,
        validation: Labelled | None,
        seed: int,
        watch: Watch,
        more_steps: int,
    ) -> tuple[float, list[np.ndarray]]:
        """Train from the network's present weights; give back the best checkpoint and its score."""
        config = self.config
        frozen = rate == 0.0
        trainer = self._head if frozen else self._whole
        trainer.reset()
        rows = self._batched(self._codes, train.rows) if frozen else train.rows
        arrays = [tf.constant(rows), tf.constant(train.targets)]
        batches = self._batches(len(train.rows), seed, more_steps)
        steps = len(batches)
        head_rates = config.learning_rate * (1 - np.arange(steps) / steps)
        rates = head_rates[:, None] * ([1.0] if frozen else [rate, 1.0])
        best_score = (-np.inf, -np.inf)
        best_weights = self.network.model.get_weights()
        done = 0
        for number, part in enumerate(np.array_split(batches, config.checkpoints), 1):
            losses = []
            for block in blocks(part):
                here = slice(done, done + len(part[block]))
                losses.append(trainer.run(part[block], rates[here], *arrays))
                done = here.stop
                if block.stop < len(part):
                    watch(Progress(done, steps, done * part.shape[1], losses[-1], number, None))
            metrics = {"loss": float(np.mean(losses))}
            if validation is None:
                best_weights = self.network.model.get_weights()
            else:
                outputs = self._predict(validation.rows)
                score = self._score(outputs, validation.targets)
                loss = float(tf.reduce_mean(self._losses(validation.targets, outputs)))
                metrics |= {"validation_loss": loss, f"validation_{self.metric}": score}
                # Few validation rows give many equal scores; the lower loss decides then.
                if (score, -loss) > best_score:
                    best_score = (score, -loss)
                    best_weights = self.network.model.get_weights()
            watch(Progress(done, steps, done * part.shape[1], metrics["loss"], number, metrics))
        return best_score[0], best_weights

    def _kernels(self) -> list[np.ndarray]:
        """The weights of each level, without biases."""
        layers = self.network.encoder.layers
        return [layer.kernel.numpy() for layer in layers if isinstance(layer, keras.layers.Dense)]

    @property
    def metric(self) -> str:
        """The name of the score."""
        return "accuracy" if self.classes else "r2"

    def _batches(self, rows: int, seed: int, more_steps: int) -> np.ndarray:
        """Indices (steps, batch size) of all epochs; every arm begins with the same."""
        config = self.config
        per_epoch = max(1, rows // config.batch_size)
        epochs = max(config.epochs, -(-config.min_steps // per_epoch)) + more_steps // per_epoch
        return np.concatenate(
            [
                shuffled_batches(rows, config.batch_size, derive(seed, "epoch", epoch))
                for epoch in range(epochs)
            ]
        )

    def _losses(self, targets, outputs):
        if self.classes:
            return keras.losses.sparse_categorical_crossentropy(targets, outputs, from_logits=True)
        return tf.square(targets - outputs[:, 0])

    def _loss(self, model, rows, targets):
        return tf.reduce_mean(self._losses(targets, model(rows, training=False)))

    def _score(self, outputs: np.ndarray, targets: np.ndarray) -> float:
        if self.classes:
            return float(np.mean(outputs.argmax(axis=1) == targets))
        errors = np.sum(np.square(targets - outputs[:, 0]), dtype="float64")
        return float(1 - errors / np.sum(np.square(targets - targets.mean()), dtype="float64"))

    def _predict(self, rows: np.ndarray) -> np.ndarray:
        return self._batched(self._outputs, rows)

    @staticmethod
    def _batched(function, rows: np.ndarray) -> np.ndarray:
        starts = range(0, len(rows), PREDICTED_ROWS)
        return np.concatenate([function(rows[s : s + PREDICTED_ROWS]).numpy() for s in starts])

    def _group(self, part: keras.layers.Layer) -> ParameterGroup:
        optimizer = keras.optimizers.AdamW(weight_decay=self.config.weight_decay)
        return ParameterGroup(optimizer, part.trainable_variables)

    def _target_spec(self) -> tf.TensorSpec:
        return tf.TensorSpec((None,), tf.int32 if self.classes else tf.float32)
