"""What fine-tuning minimises: the supervised loss, and what may be added to it in every arm alike.

Sources: dropout, Srivastava et al. (2014); pseudo-labels, Lee, "Pseudo-Label: The Simple and
Efficient Semi-Supervised Learning Method for Deep Neural Networks" (2013), with a weight that grows
in place of his three phases; reconstruction beside classification, Zhang et al., "Augmenting
Supervised Neural Networks with Unsupervised Objectives" (2016).
"""

import keras
import numpy as np
import tensorflow as tf

from pipeline.config.data import Task
from pipeline.config.finetune import FinetuneConfig
from pipeline.training.finetuning.network import Network
from pipeline.training.pretraining.level import corruption_layer


class Objective:
    """The loss of a network in training; noise and the choice of unlabelled rows have one seed."""

    def __init__(
        self, config: FinetuneConfig, network: Network, decoder: keras.Sequential | None, task: Task
    ):
        """`decoder` is needed where unlabelled rows are to be reconstructed."""
        self._config = config
        self._network = network
        self._decoder = decoder
        self._task = task
        self._corruption = corruption_layer(config.corruption, seed=0)
        self._noise = keras.random.SeedGenerator(0)
        self._done = tf.Variable(0.0, trainable=False)
        self._variance = tf.Variable(1.0, trainable=False)

    @property
    def reads_unlabelled(self) -> bool:
        """Whether the loss of rows is given the unlabelled rows too."""
        return bool(self._config.pseudo_labels or self._config.reconstruction)

    @property
    def draws(self) -> bool:
        """Whether the loss of rows draws random numbers."""
        return bool(self._corruption or self._config.dropout or self.reads_unlabelled)

    def begin(self, unlabelled: np.ndarray, seed: int) -> None:
        """Make ready for a training from the start, with unlabelled rows (rows, features)."""
        generators = [self._noise, *([self._corruption.noise] if self._corruption else [])]
        for number, generator in enumerate(generators):
            generator.state.assign(np.array([(seed + number) % 2**32, 0], "uint32"))
        if self._config.reconstruction:
            self._variance.assign(max(float(unlabelled.var(axis=0).mean()), 1e-12))

    def advance(self, done: float) -> None:
        """Say which share of the training is done."""
        self._done.assign(done)

    def of_codes(self, codes: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Where the head alone is trained, on standardised codes (rows, units): a scalar."""
        return tf.reduce_mean(losses(self._task, targets, self._network.head(self._drop(codes))))

    def of_rows(self, rows: tf.Tensor, targets: tf.Tensor, *unlabelled: tf.Tensor) -> tf.Tensor:
        """Where the whole network is trained, on rows (rows, features): a scalar.

        `unlabelled` are all unlabelled rows, if they are read; as many as `rows` are drawn.
        """
        loss = tf.reduce_mean(losses(self._task, targets, self._outputs(self._codes(rows))))
        if not unlabelled:
            return loss
        drawn = keras.random.randint(
            tf.shape(rows)[:1], 0, tf.shape(unlabelled[0])[0], seed=self._noise
        )
        clean = tf.gather(unlabelled[0], drawn)
        codes = self._codes(clean)
        if weight := self._config.pseudo_labels:
            taken_for = pseudo_labels(self._task, self._network.model(clean, training=False))
            difference = losses(self._task, taken_for, self._outputs(codes))
            loss += weight * self._done * tf.reduce_mean(difference)
        if self._decoder:
            errors = tf.reduce_mean(tf.square(self._decoder(codes) - clean))
            loss += self._config.reconstruction * errors / self._variance
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

    def _drop(self, values: tf.Tensor) -> tf.Tensor:
        if not self._config.dropout:
            return values
        return keras.random.dropout(values, self._config.dropout, seed=self._noise)


def losses(task: Task, targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """The supervised loss of each row (rows,), from the head's outputs (rows, outputs)."""
    match task:
        case "classification":
            return keras.losses.sparse_categorical_crossentropy(targets, outputs, from_logits=True)
        case "multilabel":
            return keras.losses.binary_crossentropy(targets, outputs, from_logits=True)
        case "regression":
            return tf.square(targets - outputs[:, 0])


def predictions(task: Task, outputs: np.ndarray) -> np.ndarray:
    """What the head's outputs (rows, outputs) stand for: classes, labels, or standardised targets.

    A label applies where its probability is above one half.
    """
    match task:
        case "classification":
            return outputs.argmax(axis=1)
        case "multilabel":
            return (outputs > 0).astype("int32")
        case "regression":
            return outputs[:, 0]


def pseudo_labels(task: Task, outputs: tf.Tensor) -> tf.Tensor:
    """What the network takes rows for, as targets: no gradient goes through them."""
    if task == "classification":
        return tf.argmax(outputs, axis=1, output_type=tf.int32)
    return tf.cast(outputs > 0, tf.float32)
