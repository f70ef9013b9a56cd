"""The training engine on a GPU, by Keras on JAX: an epoch is one compiled scan.

Parts, each with a table and a JSON in `build/gpu/`:
  memory: peak of a level beside the bytes of its rows and four times its weights.
  training: rows/s of one level, 784 wide below, in float32, TF32 and bfloat16, with every
    mechanism, as a share of the card's rate of matrix products in that precision; PyTorch beside.
  stack: seconds until a whole greedy stack explains 90 % of the variance of each level.
  scaling: an epoch with more rows, units and levels, beside a straight line.
  kth_largest: the search that TopK trains with, against a sort.
  seeds: fine-tuning seeds together, as one batched computation, against one by one.
Repeats are interleaved and medians told.

Usage: KERAS_BACKEND=jax python -m benchmarks.speed.on_gpu PART...
"""

import gc
import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any, NamedTuple

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch is in this process too

import jax
import keras
import numpy as np

from benchmarks.running import BUILD, Training
from benchmarks.speed.on_jax import scan
from benchmarks.speed.stack import fashion_mnist, greedy
from layers import SparseAutoencoder
from layers.corruption import Masking
from layers.sparsity.batch_topk import BatchTopK
from layers.sparsity.jumprelu import JumpReLU
from layers.sparsity.kl import KLDivergence
from layers.sparsity.kth_largest import kth_largest_by_bisection, kth_largest_by_sort
from layers.sparsity.l1 import L1Penalty
from layers.sparsity.lifetime import LifetimeSparsity
from layers.sparsity.topk import TopK
from pipeline.data.sources.builtin import read_builtin

ROWS = 56 * 1024
REPEATS = 5
MATRIX = 8192
GPU = jax.default_backend() == "gpu"
PYTORCH = ("PyTorch", "PyTorch compiled") if importlib.util.find_spec("torch") else ()
SIZES = ((1024, 256), (1024, 1024), (8192, 8192))
"""Units and rows of a batch."""
MECHANISMS: dict[str, Callable[[], dict[str, Any]]] = {
    "none": dict,
    "l1": lambda: {"sparsity": L1Penalty(1e-3)},
    "kl": lambda: {"sparsity": KLDivergence(0.1, 1e-2), "activation": "sigmoid"},
    "topk": lambda: {"sparsity": TopK(120)},
    "batch_topk": lambda: {"sparsity": BatchTopK(120)},
    "lifetime": lambda: {"sparsity": LifetimeSparsity(0.1)},
    "jumprelu": lambda: {"sparsity": JumpReLU(1e-3)},
    "topk, masking 0.5": lambda: {"sparsity": TopK(120), "corruption": Masking(0.5)},
}
IN_EVERY_PRECISION = ("none", "topk")
"""The other mechanisms are measured in TF32, 1024 units."""
WIDTHS = (784, 512, 512, 256, 10)
SEEDS = (1, 2, 5, 10, 30)
STEPS = 300
LABELLED_BATCH = 64


class Precision(NamedTuple):
    """How numbers are multiplied."""

    name: str
    policy: str
    """Keras's, of layers."""
    products: str
    """JAX's, of matrices in float32."""


FLOAT32 = Precision("float32", "float32", "highest")
TF32 = Precision("TF32", "float32", "tensorfloat32")
BFLOAT16 = Precision("bfloat16", "mixed_bfloat16", "default")
PRECISIONS = (FLOAT32, TF32, BFLOAT16)


class Contender(NamedTuple):
    """One way to train a level."""

    way: str
    mechanism: str
    precision: str
    units: int
    batch_size: int


def main() -> None:
    """Measure the parts that are named, print their tables and write them as JSON."""
    print(f"{jax.devices()[0].device_kind}, JAX {jax.__version__}, Keras {keras.__version__}\n")
    pixels = read_builtin("fashion_mnist").x[:ROWS].reshape(-1, 784)
    rows = pixels.astype("float32") / 255
    parts = {
        "memory": memory,
        "training": training,
        "stack": stack,
        "scaling": scaling,
        "kth_largest": thresholds,
        "seeds": seeds,
    }
    for name in sys.argv[1:] or parts:
        began = time.perf_counter()
        table = parts[name](rows)
        file = BUILD / "gpu" / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(table, indent=1))
        show(table)
        print(f"\n({name}: {time.perf_counter() - began:.0f} s)\n", flush=True)


def memory(rows: np.ndarray) -> list[dict[str, Any]]:
    """Bytes on the device, which must be asked before anything else is there."""
    weights = 4 * (2 * 784 * 8192 + 8192 + 784)
    expected = rows.nbytes + 4 * weights
    table = []
    for batch_size in (256, 1024, 8192):  # in this order, for the peak is that of the process
        level(rows, "none", TF32, 8192, batch_size).epoch()
        gc.collect()
        peak = (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0)
        table.append(
            {
                "units": 8192,
                "batch_size": batch_size,
                "rows, MB": rows.nbytes / 1e6,
                "weights, MB": weights / 1e6,
                "peak, MB": peak / 1e6,
                "of rows and 4 times the weights": peak / expected,
            }
        )
    return table


def training(rows: np.ndarray) -> list[dict[str, Any]]:
    """Rows a second of one level."""
    rates = {precision.name: matrix_rate(precision) for precision in PRECISIONS}
    works = dict(contenders(rows))
    times: dict[Contender, list[float]] = {contender: [] for contender in works}
    for _ in range(REPEATS):
        for contender, epoch in works.items():
            times[contender].append(timed(epoch))
    return [
        {"way": f"matrix products of {MATRIX}", "precision": name, "TFLOP/s": rate / 1e12}
        for name, rate in rates.items()
    ] + [
        {
            **contender._asdict(),
            "rows/s": (speed := len(rows) / statistics.median(taken)),
            # A row costs five products of features x units: two forward, three backward.
            "share of matrix rate": speed
            * (10 * rows.shape[1] * contender.units)
            / rates[contender.precision],
        }
        for contender, taken in times.items()
    ]


def contenders(rows: np.ndarray) -> Iterator[tuple[Contender, Callable[[], Any]]]:
    """Everything that is measured, each compiled."""
    for (units, batch_size), precision in product(SIZES, PRECISIONS):
        for mechanism in MECHANISMS:
            if mechanism in IN_EVERY_PRECISION or (precision == TF32 and units == 1024):
                name = Contender("Keras on JAX, scan", mechanism, precision.name, units, batch_size)
                yield name, compiled(level(rows, mechanism, precision, units, batch_size).epoch)
        for way in PYTORCH:
            name = Contender(way, "none", precision.name, units, batch_size)
            yield name, compiled(in_pytorch(rows, way, precision, units, batch_size).epoch)


def compiled(epoch: Callable[[], Any]) -> Callable[[], Any]:
    """The same after two epochs, the second of which allocates nothing new."""
    began = time.perf_counter()
    epoch()
    first, second = time.perf_counter() - began, timed(epoch)
    print(f"compiled in {first:.1f} s, then {second:.3f} s", file=sys.stderr, flush=True)
    return epoch


def level(
    rows: np.ndarray, mechanism: str, precision: Precision, units: int, batch_size: int
) -> Training:
    """One level on JAX."""
    with layers_in(precision):
        autoencoder = SparseAutoencoder(
            units, feature_variance=float(rows.var(axis=0).mean()), **MECHANISMS[mechanism]()
        )
        trained = scan(autoencoder, batch_size, rows)

    def epoch() -> None:
        with jax.default_matmul_precision(precision.products):
            trained.epoch()

    return trained._replace(epoch=epoch)


@contextmanager
def layers_in(precision: Precision) -> Iterator[None]:
    """While this lasts, layers that are made are of this precision."""
    keras.config.set_dtype_policy(precision.policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy("float32")


def in_pytorch(
    rows: np.ndarray, way: str, precision: Precision, units: int, batch_size: int
) -> Training:
    """The same level in PyTorch, without mechanisms."""
    import torch

    from benchmarks.speed.pytorch import pytorch

    trained = pytorch(
        rows, units, batch_size, way == "PyTorch compiled",
        gpu=GPU, bfloat16=precision == BFLOAT16,
    )  # fmt: skip

    def epoch() -> None:
        torch.set_float32_matmul_precision("highest" if precision == FLOAT32 else "high")
        trained.epoch()

    return trained._replace(epoch=epoch)


def matrix_rate(precision: Precision) -> float:
    """Floating-point operations a second of large products."""
    random = np.random.default_rng(0)
    dtype = "bfloat16" if precision == BFLOAT16 else "float32"
    left, right = (
        jax.numpy.asarray(random.standard_normal((MATRIX, MATRIX), np.float32), dtype)
        for _ in range(2)
    )
    with jax.default_matmul_precision(precision.products):
        multiply = jax.jit(jax.numpy.matmul)
        multiply(left, right).block_until_ready()
        return 2 * MATRIX**3 / statistics.median(
            timed(lambda: multiply(left, right).block_until_ready()) for _ in range(4 * REPEATS)
        )  # fmt: skip


def stack(rows: np.ndarray) -> list[dict[str, Any]]:
    """Seconds until each level of 1024-1024-512 explains its share."""
    table = []
    for way, batch_size in product(("Keras on JAX, scan", *PYTORCH), (256, 1024)):
        found = greedy(way, batch_size, *fashion_mnist(), gpu=GPU)
        print(way, batch_size, found, file=sys.stderr, flush=True)
        table.append(
            {
                "way": way,
                "batch_size": batch_size,
                "s": found["seconds"],
                "compiling and tuning, s": found["preparing"],
                "epochs": ", ".join(map(str, found["epochs"])),
                "rows/s of all": found["rows_per_second"],
            }
        )
    return table


def scaling(rows: np.ndarray) -> list[dict[str, Any]]:
    """Milliseconds of an epoch, in TF32, batches of 1,024."""

    def epoch(rows_: int = 6 * 1024, units: int = 512, levels: int = 0) -> Callable[[], Any]:
        data = np.resize(rows, (rows_, units if levels else 784))
        trained = [level(data, "none", TF32, units, 1024) for _ in range(max(levels, 1))]
        return compiled(lambda: [one.epoch() for one in trained])

    groups = {"rows_": [6 * 1024, 24 * 1024, 96 * 1024, 384 * 1024]}
    groups |= {"units": [512, 2048, 8192, 32768], "levels": [1, 2, 4]}
    works = {(group, size): epoch(**{group: size}) for group in groups for size in groups[group]}
    times: dict[tuple[str, int], list[float]] = {name: [] for name in works}
    for _ in range(REPEATS):
        for name, work in works.items():
            times[name].append(timed(work))
    table = []
    for (group, size), taken in times.items():
        first = groups[group][0]
        expected = statistics.median(times[group, first]) * size / first
        found = statistics.median(taken)
        table.append(
            {
                "what grows": group.strip("_"),
                "to": size,
                "epoch, ms": 1000 * found,
                "in proportion, ms": 1000 * expected,
                "ratio": found / expected,
            }
        )
    return table


def thresholds(_: np.ndarray) -> list[dict[str, Any]]:
    """Milliseconds of finding the k-th largest of each row, for an eighth of the units."""
    table = []
    for units, batch_size in SIZES:
        values = np.random.default_rng(0).standard_normal((batch_size, units), np.float32)
        line: dict[str, Any] = {"units": units, "batch_size": batch_size}
        for name, find in (("halving", kth_largest_by_bisection), ("sort", kth_largest_by_sort)):
            line[f"{name}, ms"] = 1000 * search_time(find, jax.numpy.asarray(values))
        table.append(line)
    return table


def search_time(find: Callable[[jax.Array, int], Any], activations: jax.Array) -> float:
    """Seconds that the search takes on activations (rows, units)."""
    program = jax.jit(lambda rows: find(rows, rows.shape[1] // 8))
    work = compiled(lambda: program(activations).block_until_ready())
    return statistics.median(timed(work) for _ in range(20))


def seeds(rows: np.ndarray) -> list[dict[str, Any]]:
    """Milliseconds of a step of fine-tuning in float32, batches of 64, for each number of seeds."""
    classes = read_builtin("fashion_mnist").y[:1000]
    targets = np.unique(np.asarray(classes), return_inverse=True)[1]
    works = {number: finetuning(rows[:1000], targets, number) for number in SEEDS}
    results = {number: np.asarray(work()) for number, work in works.items()}
    times: dict[int, list[float]] = {number: [] for number in SEEDS}
    for _ in range(REPEATS):
        for number, work in works.items():
            times[number].append(timed(lambda work=work: work().block_until_ready()))
    alone = statistics.median(times[1])
    table = []
    for number, taken in times.items():
        together = statistics.median(taken)
        table.append(
            {
                "seeds": number,
                "one by one, ms a step": 1000 * number * alone / STEPS,
                "together, ms a step": 1000 * together / STEPS,
                "speed-up": number * alone / together,
                "greatest difference of the first seed's weights": float(
                    np.abs(results[number][0] - results[1][0]).max()
                ),
            }
        )
    return table


def finetuning(rows: np.ndarray, targets: np.ndarray, number: int) -> Callable[[], jax.Array]:
    """Fine-tunes so many networks together with AdamW; gives back their first layers' kernels."""
    network = keras.Sequential(
        [
            *(keras.layers.Dense(units, "relu") for units in WIDTHS[1:-1]),
            keras.layers.Dense(WIDTHS[-1]),
        ]
    )
    network.build((None, WIDTHS[0]))
    optimizer = keras.optimizers.AdamW()
    optimizer.build(network.trainable_variables)
    of_seed = [np.random.default_rng(seed) for seed in range(number)]
    weights = [
        np.stack([0.05 * random.standard_normal(v.shape, np.float32) for random in of_seed])
        for v in network.trainable_variables
    ]
    moments = [
        np.broadcast_to(np.asarray(v.value), (number, *v.shape)) for v in optimizer.variables
    ]
    batches = np.stack(
        [random.integers(len(rows), size=(STEPS, LABELLED_BATCH)) for random in of_seed]
    )

    def loss(trained, x, y):
        outputs, _ = network.stateless_call(trained, [], x)
        errors = keras.losses.sparse_categorical_crossentropy(y, outputs, from_logits=True)
        return keras.ops.mean(errors)

    @jax.jit
    @jax.vmap
    def train(trained, moments, batches):
        def step(carried, batch):
            trained, moments = carried
            gradients = jax.grad(loss)(trained, resident[batch], labels[batch])
            trained, moments = optimizer.stateless_apply(moments, gradients, trained)
            return (trained, moments), None

        (trained, _), _ = jax.lax.scan(step, (trained, moments), batches)
        return trained[0]

    resident, labels = jax.numpy.asarray(rows), jax.numpy.asarray(targets)
    state = jax.tree.map(jax.numpy.asarray, (weights, moments, batches))
    with jax.default_matmul_precision(FLOAT32.products):
        program = train.lower(*state).compile()
    return lambda: program(*state)


def timed(work: Callable[[], Any]) -> float:
    """Seconds that the work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def show(table: list[dict[str, Any]]) -> None:
    """Print a Markdown table; a line without a column has nothing there."""
    columns = list(dict.fromkeys(column for line in table for column in line))
    print("| " + " | ".join(columns) + " |")
    print("|" + " - |" * len(columns))
    for line in table:
        print("| " + " | ".join(written(line.get(column, "")) for column in columns) + " |")


def written(value: Any) -> str:
    """A number with three digits, or as many as it has before the point."""
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else value


if __name__ == "__main__":
    main()
