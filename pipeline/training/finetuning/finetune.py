"""Fine-tuning one trial: an arm, a label budget and a seed, from initial weights to test score."""

import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from layers import SparseAutoencoder
from pipeline.config.data import Task
from pipeline.config.finetune import Arm, FinetuneConfig
from pipeline.config.level import LevelConfig
from pipeline.config.untrained import untrained_settings
from pipeline.data.rows.streamed import Rows
from pipeline.data.trial_rows import STANDARDIZED_ON, Labelled, Parts
from pipeline.evaluation.metrics import METRICS, score
from pipeline.seeds import derive
from pipeline.training.acceleration import faster_with_xla
from pipeline.training.finetuning.network import (
    build_decoder,
    build_network,
    initialize,
    initialize_decoder,
)
from pipeline.training.finetuning.objective import Objective, losses, predictions
from pipeline.training.loop import ParameterGroup, Trainer, blocks, shuffled_batches, steps_together
from pipeline.training.progress import Progress, Watch

PREDICTED_ROWS = 4096
WORTH_MEASURING = 1e8
"""Floating-point operations of a step's products, some milliseconds: the trials of a run have tens
of thousands of steps, and measuring takes some seconds."""
FROZEN = ("frozen", "untrained_codes")
"""Arms that train the head alone."""


class Trial(NamedTuple):
    """The outcome of one trial."""

    score: float
    """Accuracy, F1 or R squared, as the task has it, on the test rows."""
    validation_score: float
    """The same on the validation rows, of the weights kept (of the weights before a refit)."""
    encoder_rate: float
    """The multiple of the head's learning rate that was kept; 0 where the head alone is trained."""
    predictions: np.ndarray
    """Class numbers, labels (rows, labels) of 0 and 1, or standardised targets, of the test rows.
    """
    weights: list[np.ndarray]
    """Of the whole network, in Keras's order."""
    moved: list[float]
    """For each level: Euclidean distance of its kernel from where it began, over its norm then."""


class Finetuner:
    """Trains networks of one shape; what TensorFlow compiles serves all trials of that shape."""

    def __init__(
        self,
        config: FinetuneConfig,
        stack: Sequence[LevelConfig],
        features: int,
        outputs: int,
        task: Task,
    ):
        """`outputs` is the number of classes or labels, or 1 for a regression."""
        self.config = config
        self.task = task
        self.network = build_network(stack, features, outputs)
        self._decoder = build_decoder(stack, features) if config.reconstruction else None
        self._objective = Objective(config, self.network, self._decoder, task)
        self._rows = tf.TensorSpec((None, features), tf.float32)
        self._targets = {
            "classification": tf.TensorSpec((None,), tf.int32),
            "multilabel": tf.TensorSpec((None, outputs), tf.float32),
            "regression": tf.TensorSpec((None,), tf.float32),
        }[task]
        codes = tf.TensorSpec((None, stack[-1].units), tf.float32)
        self._head = Trainer(
            self._objective.of_codes, [self._group(self.network.head)], [codes, self._targets]
        )
        self._xla = self._trains_with_xla(stack)
        self._wholes: dict[int | None, Trainer] = {}
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
        start = partial(self._start, autoencoders, parts.unlabelled, seed)
        rates = (0.0,) if arm in FROZEN else self.config.encoder_rates
        more = more_steps // len(rates)
        start()
        before = self._kernels()
        best: tuple[float, float, list[np.ndarray]] | None = None
        for rate in rates:
            start()
            found, weights = self._train(
                rate, parts.train, parts.validation, parts.unlabelled, seed, watch, more
            )
            if best is None or found > best[0]:
                best = (found, rate, weights)
        assert best is not None
        validation_score, rate, weights = best
        if parts.refit:
            start()
            _, weights = self._train(rate, parts.refit, None, parts.unlabelled, seed, watch, more)
        self.network.model.set_weights(weights)
        predicted = predictions(self.task, self._predict(parts.test.rows))
        test_score = score(self.task, parts.test.targets, predicted)
        moved = [
            float(np.linalg.norm(after - kernel) / np.linalg.norm(kernel))
            for kernel, after in zip(before, self._kernels(), strict=True)
        ]
        return Trial(test_score, validation_score, rate, predicted, weights, moved)

    def _whole(self, batch_size: int) -> Trainer:
        """What trains the whole network; with XLA there is one for each size of batches."""
        size = batch_size if self._xla else None
        if size not in self._wholes:
            self._wholes[size] = self._trainer_of_whole(size, self._xla)
        return self._wholes[size]

    def _trainer_of_whole(self, batch_size: int | None, xla: bool) -> Trainer:
        trained_with_head = [self.network.head, *([self._decoder] if self._decoder else [])]
        return Trainer(
            self._objective.of_rows,
            [self._group(self.network.encoder), self._group(*trained_with_head)],
            [self._rows, self._targets],
            batch_size,
            whole=[self._rows] if self._objective.reads_unlabelled else [],
            xla=xla,
        )

    def _trains_with_xla(self, stack: Sequence[LevelConfig]) -> bool:
        """Whether XLA is faster, for networks large enough to be worth the measuring.

        Not where the loss draws random numbers: with XLA they are slow, and other ones.
        """
        batch_size = self.config.batch_size
        weights = sum(math.prod(v.shape) for v in self.network.model.trainable_variables)
        if self._objective.draws or 6.0 * batch_size * weights < WORTH_MEASURING:
            return False
        steps = steps_together(batch_size, [self._rows, self._targets])
        batches = np.arange(steps * batch_size).reshape(steps, batch_size)
        rows = np.random.default_rng(0).random((batches.size, self._rows.shape[1]), np.float32)
        targets = np.zeros((batches.size, *self._targets.shape[1:]), self._targets.dtype.name)
        shape = [
            "fine-tuning",
            self.task,
            untrained_settings(stack),
            [*rows.shape],
            [*targets.shape],
        ]
        trainer_of = partial(self._trainer_of_whole, batch_size)
        return faster_with_xla(shape, trainer_of, batches, rows, targets)

    def _start(
        self, autoencoders: Sequence[SparseAutoencoder], unlabelled: np.ndarray, seed: int
    ) -> None:
        """Set every weight as it is before training, and begin the noise anew."""
        initialize(self.network, autoencoders, unlabelled[:STANDARDIZED_ON], seed)
        if self._decoder:
            initialize_decoder(self._decoder, autoencoders)
        self._objective.begin(unlabelled, derive(seed, "noise"))

    def _train(
        self,
        rate: float,
        train: Labelled,
        validation: Labelled | None,
        unlabelled: np.ndarray,
        seed: int,
        watch: Watch,
        more_steps: int,
    ) -> tuple[float, list[np.ndarray]]:
        """Train from the network's present weights; give back the best checkpoint and its score."""
        config = self.config
        frozen = rate == 0.0
        rows = self._batched(self._codes, train.rows) if frozen else train.rows
        arrays = [tf.constant(rows), tf.constant(train.targets)]
        if self._objective.reads_unlabelled and not frozen:
            arrays.append(tf.constant(unlabelled))
        batches = self._batches(len(train.rows), seed, more_steps)
        trainer = self._head if frozen else self._whole(batches.shape[1])
        trainer.reset()
        steps = len(batches)
        head_rates = config.learning_rate * (1 - np.arange(steps) / steps)
        rates = head_rates[:, None] * ([1.0] if frozen else [rate, 1.0])
        best_score = (-np.inf, -np.inf)
        best_weights = self.network.model.get_weights()
        done = 0
        for number, part in enumerate(np.array_split(batches, config.checkpoints), 1):
            step_losses = []
            for block in blocks(part):
                self._objective.advance(done / steps)
                here = slice(done, done + len(part[block]))
                step_losses.append(trainer.run(part[block], rates[here], *arrays))
                done = here.stop
                if block.stop < len(part):
                    self._tell(watch, done, steps, part, step_losses[-1], number, None)
            metrics = {"loss": float(np.mean(step_losses))}
            if validation is None:
                best_weights = self.network.model.get_weights()
            else:
                outputs = self._predict(validation.rows)
                found = score(self.task, validation.targets, predictions(self.task, outputs))
                loss = float(tf.reduce_mean(losses(self.task, validation.targets, outputs)))
                metrics |= {"validation_loss": loss, f"validation_{METRICS[self.task]}": found}
                # Few validation rows give many equal scores; the lower loss decides then.
                if (found, -loss) > best_score:
                    best_score = (found, -loss)
                    best_weights = self.network.model.get_weights()
            self._tell(watch, done, steps, part, metrics["loss"], number, metrics)
        return best_score[0], best_weights

    def _kernels(self) -> list[np.ndarray]:
        """The weights of each level, without biases."""
        layers = self.network.encoder.layers
        return [layer.kernel.numpy() for layer in layers if isinstance(layer, keras.layers.Dense)]

    def _tell(
        self,
        watch: Watch,
        done: int,
        steps: int,
        batches: np.ndarray,
        loss: float,
        checkpoint: int,
        metrics: dict[str, float] | None,
    ) -> None:
        rows = done * batches.shape[1]
        watch(Progress(done, steps, rows, loss, checkpoint, self.config.checkpoints, metrics))

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

    def _predict(self, rows: Rows) -> np.ndarray:
        return self._batched(self._outputs, rows)

    @staticmethod
    def _batched(function, rows: Rows) -> np.ndarray:
        starts = range(0, len(rows), PREDICTED_ROWS)
        return np.concatenate([function(rows[s : s + PREDICTED_ROWS]).numpy() for s in starts])

    def _group(self, *parts: keras.layers.Layer) -> ParameterGroup:
        optimizer = keras.optimizers.AdamW(weight_decay=self.config.weight_decay)
        return ParameterGroup(optimizer, [v for part in parts for v in part.trainable_variables])
