"""What fine-tuning minimises: the supervised loss, and what may be added to it in every arm alike.

Sources: dropout, Srivastava et al. (2014); pseudo-labels, Lee, "Pseudo-Label: The Simple and
Efficient Semi-Supervised Learning Method for Deep Neural Networks" (2013), with a weight that grows
in place of his three phases; reconstruction beside classification, Zhang et al., "Augmenting
Supervised Neural Networks with Unsupervised Objectives" (2016).
"""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from pipeline.config.finetune import HeadTraining, NetworkTraining
from pipeline.tasks.task import Task
from pipeline.training.finetuning.network import Network


class HeadObjective:
    """The loss of a head in training, on codes that stay as they are; its noise has one seed."""

    def __init__(self, training: HeadTraining, network: Network, task: Task, weighed: bool = False):
        """`weighed`: the loss is given how much each row counts, beside its target."""
        self._weighed = weighed
        self._dropout = training.dropout
        self._network = network
        self._task = task
        self._noise = keras.random.SeedGenerator(0)
        self._weights: tf.Variable | None = None
        if training.class_weights:
            outputs = network.head.kernel.shape[1]
            no_rows = np.zeros((0, *task.spec(outputs).shape[1:]), int)
            self._weights = tf.Variable(task.class_weights(no_rows, outputs), trainable=False)

    @property
    def draws(self) -> bool:
        """Whether the loss draws random numbers."""
        return bool(self._dropout)

    def weigh(self, targets: np.ndarray) -> None:
        """Let classes count alike, where they are to, among these rows to train on."""
        if self._weights is not None:
            outputs = self._network.head.kernel.shape[1]
            self._weights.assign(self._task.class_weights(targets, outputs))

    def begin(self, unlabelled: np.ndarray, seed: int) -> None:
        """Make ready for a training from the start, with unlabelled rows (rows, features)."""
        for number, generator in enumerate(self._generators()):
            generator.state.assign(np.array([(seed + number) % 2**32, 0], "uint32"))

    def advance(self, done: float) -> None:
        """Say which share of the training is done."""

    def loss(self, codes: tf.Tensor, targets: tf.Tensor, *weights: tf.Tensor) -> tf.Tensor:
        """On standardised codes (rows, units) and coded targets: a scalar.

        `weights` (rows,), if rows are weighed, say how much each counts.
        """
        return self._supervised(targets, self._network.head(self._drop(codes)), *weights)

    def _supervised(self, targets: tf.Tensor, outputs: tf.Tensor, *weights: tf.Tensor) -> tf.Tensor:
        if self._weights is None:
            losses = self._task.losses(targets, outputs)
        else:
            losses = self._task.weighted_losses(targets, outputs, self._weights)
        return tf.reduce_mean(losses * weights[0] if weights else losses)

    def _generators(self) -> list[keras.random.SeedGenerator]:
        return [self._noise]

    def _drop(self, values: tf.Tensor) -> tf.Tensor:
        if not self._dropout:
            return values
        return keras.random.dropout(values, self._dropout, seed=self._noise)


class NetworkObjective(HeadObjective):
    """The loss of a whole network in training."""

    def __init__(
        self,
        training: NetworkTraining,
        network: Network,
        decoder: keras.Sequential | None,
        task: Task,
        columns: Sequence[int],
        weighed: bool = False,
    ):
        """`decoder` is needed where unlabelled rows are to be reconstructed.

        `columns` says of each feature which column it is of.
        """
        super().__init__(training, network, task, weighed)
        self._training = training
        self._decoder = decoder
        self._corruption = training.corruption.layer(0, columns)
        self._done = tf.Variable(0.0, trainable=False)
        self._variance = tf.Variable(1.0, trainable=False)

    @property
    def draws(self) -> bool:
        """Whether the loss draws random numbers."""
        return bool(self._corruption or super().draws or reads_unlabelled(self._training))

    def begin(self, unlabelled: np.ndarray, seed: int) -> None:
        """Make ready for a training from the start, with unlabelled rows (rows, features)."""
        super().begin(unlabelled, seed)
        if self._training.reconstruction:
            self._variance.assign(max(float(unlabelled.var(axis=0).mean()), 1e-12))

    def advance(self, done: float) -> None:
        """Say which share of the training is done."""
        self._done.assign(done)

    def loss(self, rows: tf.Tensor, targets: tf.Tensor, *more: tf.Tensor) -> tf.Tensor:
        """On rows (rows, features) and coded targets: a scalar.

        `more` are how much each row counts (rows,), if rows are weighed; and all unlabelled rows,
        if they are read, of which as many as `rows` are drawn.
        """
        weights, unlabelled = more[: self._weighed], more[self._weighed :]
        loss = self._supervised(targets, self._outputs(self._codes(rows)), *weights)
        if not unlabelled:
            return loss
        drawn = keras.random.randint(
            tf.shape(rows)[:1], 0, tf.shape(unlabelled[0])[0], seed=self._noise
        )
        clean = tf.gather(unlabelled[0], drawn)
        codes = self._codes(clean)
        if weight := self._training.pseudo_labels:
            predicted = tf.stop_gradient(
                self._task.as_targets(self._network.model(clean, training=False))
            )
            difference = self._task.losses(predicted, self._outputs(codes))
            loss += weight * self._done * tf.reduce_mean(difference)
        if self._decoder:
            errors = tf.reduce_mean(tf.square(self._decoder(codes) - clean))
            loss += self._training.reconstruction * errors / self._variance
        return loss

    def _codes(self, rows: tf.Tensor) -> tf.Tensor:
        """The code of corrupted rows, units left out at every level."""
        passed_on = self._corruption(rows, training=True) if self._corruption else rows
        for number, layer in enumerate(self._network.encoder.layers):
            if number and isinstance(layer, keras.layers.Dense):
                passed_on = self._drop(passed_on)
            passed_on = layer(passed_on, training=False)
        return passed_on

    def _outputs(self, codes: tf.Tensor) -> tf.Tensor:
        return self._network.head(self._drop(self._network.standardize(codes)))

    def _generators(self) -> list[keras.random.SeedGenerator]:
        return [self._noise, *([self._corruption.noise] if self._corruption else [])]


def reads_unlabelled(training: HeadTraining) -> bool:
    """Whether the loss is given the unlabelled rows too."""
    return isinstance(training, NetworkTraining) and bool(
        training.pseudo_labels or training.reconstruction
    )
