"""Training rows a second of one level, 784 to 1024, against the machine and against other ways.

The machine: its float32 rate of large matrix products, by NumPy or by TensorFlow, whichever is
faster, measured in the same run. A row costs five products of features x units: two forward, three
backward, for nothing needs the rows' gradient.
Others: the same Keras model with `fit`, as its users write it and as Keras advises for speed, an
epoch as one call of a function that XLA compiles; the same Keras layers on JAX, an epoch as one
scan; scikit-learn's MLPRegressor of the same shape, by `partial_fit`; PyTorch, where it is
installed, with the fused Adam: eager, compiled and in bfloat16. All read the same number of rows in
whole batches, and compile before the clock starts (`benchmarks.speed.stack` counts that). Repeats
are interleaved and medians taken, because a machine's speed wanders.

Usage: python -m benchmarks.speed.training
"""

import importlib.util
import json
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from sklearn.neural_network import MLPRegressor

from benchmarks.running import BUILD, Training
from benchmarks.speed.on_jax import on_jax
from layers import SparseAutoencoder
from pipeline.config.level import LevelConfig
from pipeline.data.sources.builtin import read_builtin
from pipeline.training.loop import shuffled_batches
from pipeline.training.pretraining.level import build_autoencoder, trainer_of

UNITS = 1024
ROWS = 12_288
"""Whole batches of every size: the engine leaves rows out that fill none, others do not."""
BATCHES = (256, 1024)
FITS = ("Keras fit", "Keras fit, advised")
REPEATS = 5
MATRIX = 2048
MECHANISMS: dict[str, dict[str, Any]] = {
    "none": {},
    "l1": {"sparsity": {"mechanism": "l1"}},
    "kl": {"sparsity": {"mechanism": "kl"}, "activation": "sigmoid"},
    "topk": {"sparsity": {"mechanism": "topk", "k": 120}},
    "batch_topk": {"sparsity": {"mechanism": "batch_topk", "k": 120}},
    "lifetime": {"sparsity": {"mechanism": "lifetime"}},
    "jumprelu": {"sparsity": {"mechanism": "jumprelu"}},
    "topk, masking 0.5": {
        "sparsity": {"mechanism": "topk", "k": 120},
        "corruption": {"kind": "masking", "share": 0.5},
    },
}


class Contender(NamedTuple):
    """One way to train a level: `train` passes once over the rows."""

    way: str
    mechanism: str
    batch_size: int
    train: Callable[[], Any]


def main() -> None:
    """Measure, print a Markdown table and write it as JSON."""
    rows = read_builtin("fashion_mnist").x[:ROWS].reshape(ROWS, -1).astype("float32") / 255
    found = contenders(rows)
    for contender in found:
        contender.train()  # compiles
    products = matrix_products()
    times: list[list[float]] = [[] for _ in found]
    taken_by: list[list[float]] = [[] for _ in products]
    for _ in range(REPEATS):
        for contender, taken in zip(found, times, strict=True):
            taken.append(timed(contender.train))
            for product, spent in zip(products, taken_by, strict=True):
                spent.append(timed(product))
    rate = 2 * MATRIX**3 / min(statistics.median(spent) for spent in taken_by)
    table = [
        {
            "way": contender.way,
            "mechanism": contender.mechanism,
            "batch_size": contender.batch_size,
            "rows_per_second": ROWS / statistics.median(taken),
            "share_of_matrix_rate": ROWS
            / statistics.median(taken)
            * (10 * rows.shape[1] * UNITS)
            / rate,
        }
        for contender, taken in zip(found, times, strict=True)
    ]
    file = BUILD / "speed" / "training.json"
    file.write_text(json.dumps({"matrix_gflops": rate / 1e9, "table": table}, indent=1))
    show(table, rate)


def contenders(rows: np.ndarray) -> list[Contender]:
    """Everything that is measured, on rows (rows, features)."""
    found = []
    stored = BUILD / "speed" / "rows.npy"
    stored.parent.mkdir(parents=True, exist_ok=True)
    np.save(stored, rows)
    for batch_size in BATCHES:
        for name, settings in MECHANISMS.items():
            level = LevelConfig(units=UNITS, batch_size=batch_size, **settings)
            for way, xla in (("Layerwise", False), ("Layerwise, XLA", True)):
                found.append(Contender(way, name, batch_size, engine(level, rows, xla).epoch))
        for name in ("none", "topk"):
            level = LevelConfig(units=UNITS, batch_size=batch_size, **MECHANISMS[name])
            half = level.model_copy(update={"precision": "bfloat16"})
            for way, xla in (("Layerwise, bfloat16", False), ("Layerwise, XLA, bfloat16", True)):
                found.append(Contender(way, name, batch_size, engine(half, rows, xla).epoch))
            for way in FITS:
                train = keras_fit(level, rows, way == "Keras fit, advised").epoch
                found.append(Contender(way, name, batch_size, train))
        for name, topk in (("none", 0), ("topk", 120)):
            train = on_jax(stored, UNITS, batch_size, topk)
            found.append(Contender("Keras on JAX, scan", name, batch_size, train))
        found.append(Contender("MLPRegressor", "none", batch_size, perceptron(batch_size, rows)))
        if importlib.util.find_spec("torch"):
            from benchmarks.speed.pytorch import pytorch

            for way, compiled in (("PyTorch", False), ("PyTorch compiled", True)):
                train = pytorch(rows, UNITS, batch_size, compiled).epoch
                found.append(Contender(way, "none", batch_size, train))
            train = pytorch(rows, UNITS, batch_size, compiled=False, bfloat16=True).epoch
            found.append(Contender("PyTorch, bfloat16", "none", batch_size, train))
    return found


def engine(level: LevelConfig, rows: np.ndarray, xla: bool) -> Training:
    """The compiled loop that `layerwise run` trains with, with XLA where that is faster."""
    autoencoder = build_autoencoder(level, rows, seed=0)
    trainer = trainer_of(autoencoder, level.batch_size, level.precision, xla)
    batches = shuffled_batches(len(rows), level.batch_size, seed=0)
    rates = np.full((len(batches), 1), level.learning_rate)
    resident = tf.constant(rows)
    return Training(lambda: trainer.run(batches, rates, resident), *weights_of(autoencoder))


def keras_fit(level: LevelConfig, rows: np.ndarray, advised: bool) -> Training:
    """The same model and optimizer, by `compile` and `fit`.

    Advised is what Keras's documentation of `compile` says of speed: many steps in one call, at
    most an epoch, and XLA (https://keras.io/api/models/model_training_apis/).
    """
    autoencoder = build_autoencoder(level, rows, seed=0)
    steps = -(-len(rows) // level.batch_size)
    for_speed: dict[str, Any] = {"steps_per_execution": steps, "jit_compile": True}
    autoencoder.compile(
        optimizer=keras.optimizers.Adam(level.learning_rate), **for_speed if advised else {}
    )
    return Training(
        lambda: autoencoder.fit(rows, batch_size=level.batch_size, verbose=0),
        *weights_of(autoencoder),
    )


def weights_of(autoencoder: SparseAutoencoder) -> tuple[Callable, Callable]:
    """As a `Training` gets and sets them."""
    encoder, decoder = autoencoder.encoder, autoencoder.decoder

    def begin(weights: list[np.ndarray]) -> None:
        encoder.set_weights(weights[:2])
        decoder.set_weights(weights[2:])

    return lambda: encoder.get_weights() + decoder.get_weights(), begin


def perceptron(batch_size: int, rows: np.ndarray) -> Callable[[], Any]:
    """scikit-learn's network from the rows to themselves, a pass over them at a call.

    `fit` would begin anew each time, with new weights; `partial_fit` goes on.
    """
    model = MLPRegressor(hidden_layer_sizes=(UNITS,), batch_size=batch_size, random_state=0)
    return lambda: model.partial_fit(rows, rows)


def matrix_products() -> list[Callable[[], Any]]:
    """A large float32 product, by NumPy and by TensorFlow."""
    random = np.random.default_rng(0)
    left, right = (random.random((MATRIX, MATRIX), np.float32) for _ in range(2))
    resident = tf.constant(left), tf.constant(right)
    multiply = tf.function(tf.matmul)
    multiply(*resident)
    return [lambda: left @ right, lambda: multiply(*resident).numpy()]


def timed(work: Callable[[], Any]) -> float:
    """Seconds that the work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def show(table: list[dict[str, Any]], rate: float) -> None:
    """Print the table; ratios are to the faster `fit` without sparsity at the same batch size."""
    fit = {
        batch_size: max(
            row["rows_per_second"]
            for row in table
            if row["way"] in FITS and (row["mechanism"], row["batch_size"]) == ("none", batch_size)
        )
        for batch_size in BATCHES
    }
    print(f"Matrix products: {rate / 1e9:.0f} GFLOP/s, float32\n")
    print(
        "| way | mechanism | batch | rows/s | share of matrix rate | times the faster Keras fit |"
    )
    print("| - | - | -: | -: | -: | -: |")
    for row in table:
        print(
            f"| {row['way']} | {row['mechanism']} | {row['batch_size']:,} | "
            f"{row['rows_per_second']:,.0f} | {row['share_of_matrix_rate']:.2f} | "
            f"{row['rows_per_second'] / fit[row['batch_size']]:.2f} |"
        )


if __name__ == "__main__":
    main()
