"""The k-th largest of each row: a sort (`top_k`) against halving a bracket, with and without XLA.

Usage: python -m benchmarks.speed.kth_largest
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from layers.sparsity.kth_largest import kth_largest_by_bisection, kth_largest_by_sort

SHAPES = [(256, 512, 120), (256, 1024, 100), (1024, 512, 120), (256, 256, 60), (4096, 512, 120)]
REPEATS = 5
CALLS = 50


def main() -> None:
    """Measure the ways in turn, several times, and print medians as a Markdown table."""
    print("| rows x units | k | top_k, ms | halving, ms | halving with XLA, ms |")
    print("| - | -: | -: | -: | -: |")
    for rows, units, k in SHAPES:
        normal = np.random.default_rng(0).normal(size=(rows, units))
        activations = tf.constant(np.maximum(normal, 0).astype("float32"))
        ways = [tf.function(by_sort(k)), tf.function(by_halving(k))]
        ways.append(tf.function(by_halving(k), jit_compile=True, autograph=False))
        taken: list[list[float]] = [[] for _ in ways]
        for way in ways:
            way(activations)  # compiles
        for _ in range(REPEATS):
            for way, times in zip(ways, taken, strict=True):
                times.append(milliseconds(way, activations))
        medians = " | ".join(f"{statistics.median(times):.2f}" for times in taken)
        print(f"| {rows:,} x {units:,} | {k} | {medians} |", flush=True)


def by_sort(k: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """What TopK uses outside training."""
    return lambda rows: kth_largest_by_sort(rows, k)


def by_halving(k: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """What the layers use in training, on a processor."""
    return lambda rows: kth_largest_by_bisection(rows, k)


def milliseconds(way: Callable[[tf.Tensor], tf.Tensor], rows: tf.Tensor) -> float:
    """Of one call, on average."""
    began = time.perf_counter()
    for _ in range(CALLS):
        way(rows)
    return 1e3 * (time.perf_counter() - began) / CALLS


if __name__ == "__main__":
    main()
