"""Seconds until a whole greedy stack explains its share of the variance, by several ways.

Fashion-MNIST, 784-1024-1024-512, ReLU units without sparsity, which every way has: each level
trains on the codes of the level below, epoch by epoch, until it explains so much of the variance of
held-out rows. All begin with the same weights and have Adam, its rate, whole batches and their size
in common.

The seconds count everybody's compiling and everybody's tuning, level by level: Layerwise's tracing,
compiling and timing of XLA, Keras's tracing of `fit` and its `steps_per_execution`, JAX's `jit`,
`torch.compile`. Nobody finds anything from an earlier process: each way has one of its own, with
empty caches. Imports, looking at the held-out rows and coding, by NumPy for all, do not count.
Keras `fit` runs plainly and as Keras advises for speed, and the better of the two is its figure.
Repeats are interleaved and medians taken.

Usage: python -m benchmarks.speed.stack
"""

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.running import BUILD, Training

WIDTHS = (1024, 1024, 512)
EXPLAINED = 0.9
ROWS = 12_288
"""Whole batches of every size."""
HELD_OUT = 5000
BATCHES = (256, 1024)
MOST_EPOCHS = 60
PLANNED_EPOCHS = {256: 6, 1024: 20}
"""Of a level, as a config would name them; Layerwise decides by them whether to time XLA."""
REPEATS = 3
WAYS = (
    "Layerwise",
    "Layerwise, bfloat16",
    "Keras fit",
    "Keras fit, advised",
    "Keras on JAX, scan",
    "PyTorch",
    "PyTorch compiled",
    "PyTorch, bfloat16",
)


def main() -> None:
    """Measure, print a Markdown table and write it as JSON."""
    ways = [way for way in WAYS if "PyTorch" not in way or importlib.util.find_spec("torch")]
    contenders = [(way, batch_size) for batch_size in BATCHES for way in ways]
    found: dict[tuple[str, int], list[dict[str, Any]]] = {name: [] for name in contenders}
    for _ in range(REPEATS):
        for way, batch_size in contenders:
            found[way, batch_size].append(in_process(way, batch_size))
    table = [
        {
            "way": way,
            "batch_size": batch_size,
            "seconds": statistics.median(one["seconds"] for one in of_way),
            "preparing": statistics.median(one["preparing"] for one in of_way),
            "epochs": of_way[0]["epochs"],
            "rows_per_second": statistics.median(one["rows_per_second"] for one in of_way),
        }
        for (way, batch_size), of_way in found.items()
    ]
    (BUILD / "speed").mkdir(parents=True, exist_ok=True)
    (BUILD / "speed" / "stack.json").write_text(json.dumps(table, indent=1))
    print(f"Until each level explains {EXPLAINED:.0%} of the variance of what it reads\n")
    print("Seconds count everybody's compiling and tuning, which are in the next column too.\n")
    print(
        "| way | batch | s | compiling and tuning, s | s / Layerwise's | epochs | rows/s of all |"
    )
    print("| - | -: | -: | -: | -: | - | -: |")
    ours = {row["batch_size"]: row["seconds"] for row in table if row["way"] == "Layerwise"}
    for row in table:
        print(
            f"| {row['way']} | {row['batch_size']:,} | {row['seconds']:.1f} | "
            f"{row['preparing']:.1f} | "
            f"{row['seconds'] / ours[row['batch_size']]:.2f} | "
            f"{', '.join(map(str, row['epochs']))} | {row['rows_per_second']:,.0f} |"
        )


def in_process(way: str, batch_size: int) -> dict[str, Any]:
    """What a fresh process measures that finds nothing compiled or timed by an earlier one."""
    with tempfile.TemporaryDirectory() as caches:
        environment = {
            "KERAS_BACKEND": "jax" if "JAX" in way else "tensorflow",
            "XDG_CACHE_HOME": caches,  # Layerwise's timings of XLA
            "TORCHINDUCTOR_CACHE_DIR": caches,
            "JAX_ENABLE_COMPILATION_CACHE": "false",
        }
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.speed.stack", way, str(batch_size)],
            cwd=Path(__file__).parents[2], env=os.environ | environment,
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def fashion_mnist() -> tuple[np.ndarray, np.ndarray]:
    """The rows to train on and those held out, (rows, 784)."""
    from pipeline.data.sources.builtin import read_builtin

    pixels = read_builtin("fashion_mnist").x[: ROWS + HELD_OUT].reshape(-1, 784)
    rows, held_out = np.split(pixels.astype("float32") / 255, [ROWS])
    return rows, held_out


def greedy(
    way: str, batch_size: int, rows: np.ndarray, held_out: np.ndarray, gpu: bool = False
) -> dict[str, Any]:
    """Seconds of the stack, those of them that compiling and tuning took, epochs of its levels.

    One more epoch of each level, which is not counted, tells what training takes; whatever the
    level took longer was compiling and tuning. Rows a second are without it.
    """
    make = maker(way, batch_size, gpu)
    number = len(rows)
    seconds, training_seconds, one_epoch_of_all = 0.0, 0.0, 0.0
    epochs: list[int] = []
    for units in WIDTHS:
        began = time.perf_counter()
        training = make(rows, units)
        training.begin(first_weights(rows, units))
        seconds += time.perf_counter() - began
        epochs.append(0)
        while explained(weights := training.weights(), held_out) < EXPLAINED:
            if epochs[-1] == MOST_EPOCHS:
                raise RuntimeError(f"{way} does not come to {EXPLAINED:.0%}.")
            seconds += seconds_of(training.epoch)
            epochs[-1] += 1
        of_epoch = seconds_of(training.epoch)  # nothing is left to compile
        one_epoch_of_all += of_epoch
        training_seconds += epochs[-1] * of_epoch
        kernel, bias, *_ = weights
        rows, held_out = (np.maximum(given @ kernel + bias, 0) for given in (rows, held_out))
    return {
        "seconds": seconds,
        "preparing": seconds - training_seconds,
        "epochs": epochs,
        "rows_per_second": number / one_epoch_of_all,
    }


def seconds_of(work: Callable[[], Any]) -> float:
    """Seconds that the work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def maker(way: str, batch_size: int, gpu: bool) -> Callable[[np.ndarray, int], Training]:
    """Makes what trains a level on rows (rows, features), from the number of its units."""
    if way == "Keras on JAX, scan":
        from benchmarks.speed.on_jax import scan
        from layers import SparseAutoencoder

        return lambda rows, units: scan(SparseAutoencoder(units), batch_size, rows)
    if "PyTorch" in way:
        from benchmarks.speed.pytorch import pytorch

        compiled, half = way == "PyTorch compiled", way == "PyTorch, bfloat16"
        return lambda rows, units: pytorch(
            rows, units, batch_size, compiled, gpu=gpu, bfloat16=half
        )
    from benchmarks.speed.training import FITS, engine, keras_fit
    from pipeline.config.level import LevelConfig
    from pipeline.training.pretraining.level import trains_with_xla

    def make(rows: np.ndarray, units: int) -> Training:
        precision = "bfloat16" if way == "Layerwise, bfloat16" else "float32"
        level = LevelConfig(units=units, batch_size=batch_size, precision=precision)
        if way in FITS:
            return keras_fit(level, rows, way == "Keras fit, advised")
        steps = PLANNED_EPOCHS[batch_size] * (len(rows) // batch_size)
        return engine(level, rows, trains_with_xla(level, rows, steps))

    return make


def first_weights(rows: np.ndarray, units: int) -> list[np.ndarray]:
    """As the product begins: the decoder a tenth of the encoder's transpose, its bias the mean."""
    features = rows.shape[1]
    draw = np.random.default_rng(0).standard_normal((features, units), np.float32)
    kernel = np.sqrt(np.float32(2 / features)) * draw
    return [kernel, np.zeros(units, np.float32), kernel.T / 10, rows.mean(axis=0)]


def explained(weights: list[np.ndarray], rows: np.ndarray) -> float:
    """The share of the rows' variance that their reconstruction explains."""
    kernel, bias, decoder, decoder_bias = weights
    reconstruction = np.maximum(rows @ kernel + bias, 0) @ decoder + decoder_bias
    return float(1 - np.square(rows - reconstruction).sum() / np.square(rows - rows.mean(0)).sum())


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(greedy(sys.argv[1], int(sys.argv[2]), *fashion_mnist())))
    else:
        main()
