"""The signatures of an exported model, as TensorFlow functions of raw rows."""

from collections.abc import Sequence
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from layers import SparsityMechanism
from layers.sparsity.largest import Search, largest
from pipeline.export.signatures.raw_rows import (
    TENSORFLOW,
    features_of,
    numbers_and_categories,
)
from pipeline.export.trained import Trained, level_endpoint, level_output
from pipeline.training.stack import code_of, stacked_decoder


class Endpoints(tf.Module):
    """The signatures of the exported model, each from raw rows to named outputs."""

    def __init__(self, trained: Trained, search: Search | None = None):
        """`search` is what the sparsity mechanisms find the largest activations by."""
        super().__init__()
        self._search = search
        self._model = trained.network
        self._autoencoders = list(trained.autoencoders)
        self._deep = not trained.task.needs_labels
        if self._deep:
            self._decoder = trained.network.decoder
        else:
            self._decoder = stacked_decoder(trained.stack, trained.autoencoders)
        self._levels = {
            level_endpoint(number): number for number in range(1, len(trained.stack) + 1)
        }
        self._stack = list(trained.stack)
        self._task = trained.task
        self._classes = trained.classes
        self._coding = trained.coding
        self._decision = trained.decision
        self._preprocessing = trained.preprocessing
        self._by_name = trained.by_name
        self._missing_values = trained.missing_values

    def run(self, name: str, *raw: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature of that name on raw rows, given as `input_signature` has them.

        A row that lacks a value which training never lacked gives NaN, and the label "".
        """
        numbers, categories = raw[0], tf.zeros((tf.shape(raw[0])[0], 0), tf.string)
        if self._by_name:
            columns = self._preprocessing.columns
            numbers, categories = numbers_and_categories(columns, self._missing_values, raw)
        features = features_of(self._preprocessing, numbers, categories)
        incomplete = tf.reduce_any(tf.math.is_nan(features), axis=1)
        outputs = self.of_features(name, features)
        return {output: _blank(incomplete, value) for output, value in outputs.items()}

    def of_features(self, name: str, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature of that name on scaled rows."""
        if name in self._levels:
            return self.encode_level(self._levels[name], features)
        outputs: dict[str, tf.Tensor] = getattr(self, name)(features)
        return outputs

    def serve(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the task predicts."""
        outputs = _through(self._model, features, self._search)
        if self._task.gives == "rows":
            outputs = self._preprocessing.originals(outputs, TENSORFLOW)
        return self._task.serve(outputs, self._classes, self._coding, self._decision)

    def encode(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """The code of the whole stack."""
        return {"code": self._code(features)}

    def encode_level(self, level: int, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """The code of a level, from 1."""
        if not self._deep:
            stack, autoencoders = self._stack[:level], self._autoencoders[:level]
            return {level_output(level): code_of(stack, autoencoders, features, self._search)}
        layers = self._model.encoder.layers
        names = [layer.name for layer in layers]
        end = names.index(f"encoder_{level}") + 1
        while end < len(layers) and isinstance(layers[end], SparsityMechanism):
            end += 1
        return {level_output(level): _in_turn(layers[:end], features, self._search)}

    def reconstruct(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """Rows decoded from their code: numbers in raw units, then the share of each category."""
        decoded = self._reconstruction(features)
        return {"reconstruction": self._preprocessing.originals(decoded, TENSORFLOW)}

    def score(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """The reconstruction error of each row: mean squared error over its scaled features."""
        errors = tf.square(features - self._reconstruction(features))
        return {"reconstruction_error": tf.reduce_mean(errors, axis=1)}

    def _code(self, features: tf.Tensor) -> tf.Tensor:
        if self._deep:
            return _through(self._model.encoder, features, self._search)
        return code_of(self._stack, self._autoencoders, features, self._search)

    def _reconstruction(self, features: tf.Tensor) -> tf.Tensor:
        return _through(self._decoder, self._code(features), self._search)


def _through(model: keras.Model, values: tf.Tensor, search: Search | None) -> tf.Tensor:
    """What a model gives, with this search in hard limits if its layers follow one another."""
    if not isinstance(model, keras.Sequential):
        return model(values)
    return _in_turn(model.layers, values, search)


def _in_turn(
    layers: Sequence[keras.layers.Layer], values: tf.Tensor, search: Search | None
) -> tf.Tensor:
    for layer in layers:
        if isinstance(layer, keras.Model):
            values = _through(layer, values, search)
        elif isinstance(layer, SparsityMechanism):
            values = layer(values, search=search)
        else:
            values = layer(values)
    return values


def _kth_by_selection(activations: tf.Tensor, k: int, axis: int = -1) -> tf.Tensor:
    """As `kth_largest`, along the last axis."""
    assert axis == -1
    # What is no number has no order, and selection by one may leave its row.
    ordered = tf.where(tf.math.is_nan(activations), -np.inf, activations)
    return tf.raw_ops.NthElement(input=ordered, n=k - 1, reverse=True)[..., None]


BY_SELECTION = partial(largest, find=_kth_by_selection)
"""Finds the same values as a sort. Keras has no such operation; TensorFlow's takes a third of the
time of a sort on a processor, and on a GPU goes to the processor for it."""


def _blank(rows: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """NaN or "" in the rows (rows,) of values (rows,) or (rows, columns) where `rows` is true."""
    nothing = "" if values.dtype == tf.string else tf.cast(np.nan, values.dtype)
    return tf.where(rows if values.shape.rank == 1 else rows[:, None], nothing, values)
