"""Export: one SavedModel from raw rows to classes, codes, reconstructions and scores.

It needs TensorFlow to load and none of our code. Scaling, imputation and categories are inside.
"""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from layers import SparseAutoencoder, SparsityMechanism
from layers.sparsity.largest import Search, largest
from pipeline.config.untrained import UntrainedLevel
from pipeline.data.preprocessing import Preprocessing
from pipeline.export.raw_rows import TENSORFLOW, features_of, input_signature
from pipeline.files import folder_digest, new_version, text_digest
from pipeline.tasks.task import Coding, Task
from pipeline.training.stack import code_of, stacked_decoder

ENDPOINTS = ("serve", "encode", "reconstruct", "score")
TOLERANCE = 1e-5
ABOUT = "layerwise.json"
DIGEST = "digest"
"""What `ABOUT` calls the digest of the exported files and of the rest of itself."""
CLEAN_LOADER = Path(__file__).with_name("clean_loader.py")


class Trained(NamedTuple):
    """All that an exported model is made of."""

    name: str
    preprocessing: Preprocessing
    stack: Sequence[UntrainedLevel]
    autoencoders: Sequence[SparseAutoencoder]
    """The pretrained levels: `encode`, `reconstruct` and `score` come from them."""
    network: keras.Model
    """The fine-tuned network: `serve` comes from it."""
    task: Task
    classes: tuple[str, ...]
    """Names of the classes or of the labels; empty for a number."""
    coding: Coding
    """How the network's outputs stand for a number."""


class ExportError(RuntimeError):
    """The exported model does not give what the Keras model gives."""


def export(trained: Trained, directory: Path, numbers: np.ndarray, categories: np.ndarray) -> Path:
    """Write `directory/N/`, N the next free number, once the model proved itself; give it back.

    The SavedModel is written aside, loaded in a fresh process without our code and compared on the
    raw rows given (numbers (rows, number columns), categories (rows, category columns)); only then
    does it get its place. Raises `ExportError` when it differs by more than 1e-5 of the largest
    value, and leaves nothing behind.
    """

    def write(folder: Path) -> None:
        _write(trained, folder)
        _prove(trained, folder, numbers, categories)

    return new_version(directory, write)


def _write(trained: Trained, folder: Path) -> None:
    endpoints = Endpoints(trained, BY_SELECTION)
    archive = keras.export.ExportArchive()
    archive.track(endpoints)
    for name in ENDPOINTS:
        signature = input_signature(trained.preprocessing)
        archive.add_endpoint(name, partial(endpoints.run, name), signature)
    archive.write_out(str(folder), verbose=False)
    extra = folder / "assets.extra"
    extra.mkdir()
    told = about(trained)
    told |= {DIGEST: digest_of(folder, told)}
    (extra / ABOUT).write_text(json.dumps(told, indent=1))


def digest_of(folder: Path, told: Mapping[str, Any]) -> str:
    """By which an exported folder is known to be whole."""
    rest = {name: value for name, value in told.items() if name != DIGEST}
    return text_digest(folder_digest(folder, without=ABOUT) + json.dumps(rest, sort_keys=True))


def about(trained: Trained) -> dict[str, Any]:
    """What a program that feeds the model must know: its columns, and what to call the outputs."""
    preprocessing = trained.preprocessing
    return {
        "name": trained.name,
        "task": trained.task.kind,
        "classes": list(trained.classes),
        "columns": [list(column) for column in preprocessing.columns],
        "needs_every_value": preprocessing.refuses_missing,
        "endpoints": list(ENDPOINTS),
        "outputs": {
            **trained.task.output_columns(trained.classes),
            "code": [f"code_{unit}" for unit in range(trained.autoencoders[-1].units)],
            "reconstruction": list(preprocessing.feature_names),
            "reconstruction_error": ["reconstruction_error"],
        },
    }


class Endpoints(tf.Module):
    """The signatures of the exported model, each from raw rows to named outputs."""

    def __init__(self, trained: Trained, search: Search | None = None):
        """`search` is what the sparsity mechanisms find the largest activations by."""
        super().__init__()
        self._search = search
        self._model = trained.network
        self._autoencoders = list(trained.autoencoders)
        self._decoder = stacked_decoder(trained.stack, trained.autoencoders)
        self._stack = list(trained.stack)
        self._task = trained.task
        self._classes = trained.classes
        self._coding = trained.coding
        self._preprocessing = trained.preprocessing

    def run(self, name: str, *raw: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature of that name on raw rows.

        A row that lacks a value which training never lacked gives NaN, and the label "".
        """
        features = features_of(self._preprocessing, *raw)
        incomplete = tf.reduce_any(tf.math.is_nan(features), axis=1)
        outputs = getattr(self, name)(features)
        return {output: _blank(incomplete, value) for output, value in outputs.items()}

    def serve(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the task predicts."""
        outputs = _through(self._model, features, self._search)
        return self._task.serve(outputs, self._classes, self._coding)

    def encode(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """The sparse code of the top level of the pretrained stack."""
        return {"code": self._code(features)}

    def reconstruct(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """Rows decoded from their code: numbers in raw units, then the share of each category."""
        decoded = self._reconstruction(features)
        return {"reconstruction": self._preprocessing.originals(decoded, TENSORFLOW)}

    def score(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """The reconstruction error of each row: mean squared error over its scaled features."""
        errors = tf.square(features - self._reconstruction(features))
        return {"reconstruction_error": tf.reduce_mean(errors, axis=1)}

    def _code(self, features: tf.Tensor) -> tf.Tensor:
        return code_of(self._stack, self._autoencoders, features, self._search)

    def _reconstruction(self, features: tf.Tensor) -> tf.Tensor:
        return _through(self._decoder, self._code(features), self._search)


def _through(model: keras.Model, values: tf.Tensor, search: Search | None) -> tf.Tensor:
    """What a model of layers one after the other gives, with this search in its hard limits."""
    for layer in model.layers:
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


def raw_inputs(
    preprocessing: Preprocessing, numbers: np.ndarray, categories: np.ndarray
) -> dict[str, Any]:
    """Raw rows as the arguments of the exported signatures."""
    if not categories.shape[1]:
        return {"rows": numbers}
    if not numbers.shape[1]:
        return {"categories": categories}
    return {"numbers": numbers, "categories": categories}


def _expected(
    trained: Trained, numbers: np.ndarray, categories: np.ndarray
) -> dict[str, np.ndarray]:
    """What the Keras models give for raw rows, `ENDPOINT/OUTPUT`, scaled with NumPy."""
    features = tf.constant(trained.preprocessing.apply(numbers, categories))
    endpoints = Endpoints(trained)
    return {
        f"{name}/{output}": value.numpy()
        for name in ENDPOINTS
        for output, value in getattr(endpoints, name)(features).items()
    }


def _prove(trained: Trained, folder: Path, numbers: np.ndarray, categories: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        given, got = Path(scratch, "given.npz"), Path(scratch, "got.npz")
        np.savez(given, **raw_inputs(trained.preprocessing, numbers, categories))
        # Isolated: neither this folder nor the environment leads Python to our packages.
        command = [sys.executable, "-I", str(CLEAN_LOADER), str(folder), str(given), str(got)]
        result = subprocess.run(command, cwd=scratch, capture_output=True, text=True)
        if result.returncode == -signal.SIGINT:  # Ctrl-C reaches it too
            raise KeyboardInterrupt
        if result.returncode:
            raise ExportError(f"the exported model does not load: {result.stderr[-2000:]}")
        with np.load(got, allow_pickle=False) as outputs:
            units = _units(trained)
            for name, value in _expected(trained, numbers, categories).items():
                _same(name, value, outputs[name], *units.get(name, (0.0, 1.0)))


def _units(trained: Trained) -> dict[str, tuple[np.ndarray | float, np.ndarray | float]]:
    """Offset and scale of the outputs in raw units: beside a large offset any error is small."""
    preprocessing = trained.preprocessing
    shares = len(preprocessing.feature_names) - len(preprocessing.offset)
    return {
        **{f"serve/{name}": trained.coding for name in trained.task.output_columns(())},
        "reconstruct/reconstruction": (
            np.append(preprocessing.offset, np.zeros(shares)),
            np.append(preprocessing.scale, np.ones(shares)),
        ),
    }


def _same(
    name: str,
    expected: np.ndarray,
    got: np.ndarray,
    offset: np.ndarray | float = 0.0,
    scale: np.ndarray | float = 1.0,
) -> None:
    if expected.dtype == object:
        if list(expected) != [label.encode() for label in got.tolist()]:
            raise ExportError(f"{name} differs in the exported model.")
        return
    largest = max(1.0, float(np.abs((expected - offset) / scale).max()))
    difference = float(np.abs((expected - got) / scale).max())
    if not difference <= TOLERANCE * largest:
        raise ExportError(f"{name} differs by {difference:.2g} in the exported model.")
