"""Fine-tuning several seeds as one batched computation, against one after the other.

The network of the preset fashion-mnist, batches of 64: for S seeds the weights are (S, below,
above) and every product is a batch of S; one after the other S is 1, and steps are S times as many.
Both run through the same code, a compiled loop with Keras's AdamW, so that the ratio is what
batching itself brings. Repeats are interleaved and medians told.

Usage: python -m benchmarks.speed.seeds
"""

import json
import statistics
from collections.abc import Callable
from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf

from benchmarks.running import BUILD
from benchmarks.speed.training import timed

WIDTHS = (784, 512, 512, 256, 10)
BATCH = 64
STEPS = 100
SEEDS = (2, 5, 10)
REPEATS = 7
ROWS = 1000


def main() -> None:
    """Measure, print a Markdown table and write it as JSON."""
    single = training(1)
    works = {seeds: training(seeds) for seeds in SEEDS}
    for work in (single, *works.values()):
        work()  # compiles
    apart: list[float] = []
    together: dict[int, list[float]] = {seeds: [] for seeds in SEEDS}
    for _ in range(REPEATS):
        apart.append(timed(single))
        for seeds, work in works.items():
            together[seeds].append(timed(work))
    one = statistics.median(apart)
    table = [
        {
            "seeds": seeds,
            "apart_ms": 1000 * one * seeds / STEPS,
            "together_ms": 1000 * statistics.median(taken) / STEPS,
        }
        for seeds, taken in together.items()
    ]
    file = BUILD / "speed" / "seeds.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(table, indent=1))
    print("| seeds | a step of each, one after the other, ms | together, ms | speed-up |")
    print("| -: | -: | -: | -: |")
    for row in table:
        print(
            f"| {row['seeds']} | {row['apart_ms']:.1f} | {row['together_ms']:.1f} | "
            f"{row['apart_ms'] / row['together_ms']:.2f} |"
        )


def training(seeds: int) -> Callable[[], None]:
    """Trains so many networks for `STEPS` steps each, together."""
    random = np.random.default_rng(0)

    def variable(*shape: int) -> keras.Variable:
        return keras.Variable(0.05 * random.standard_normal((seeds, *shape), np.float32))

    layers = [(variable(below, above), variable(1, above)) for below, above in pairwise(WIDTHS)]
    variables = [variable for layer in layers for variable in layer]
    optimizer = keras.optimizers.AdamW()
    optimizer.build(variables)
    rows = tf.constant(random.random((ROWS, WIDTHS[0]), np.float32))
    classes = tf.constant(random.integers(WIDTHS[-1], size=ROWS), tf.int32)
    batches = tf.constant(random.integers(ROWS, size=(STEPS, seeds, BATCH)), tf.int32)

    @tf.function
    def train() -> None:
        for step in tf.range(STEPS):
            with tf.GradientTape() as tape:
                passed_on = tf.gather(rows, batches[step])
                for number, (kernel, bias) in enumerate(layers, 1):
                    passed_on = tf.matmul(passed_on, kernel.value) + bias.value
                    if number < len(layers):
                        passed_on = tf.nn.relu(passed_on)
                errors = keras.losses.sparse_categorical_crossentropy(
                    tf.gather(classes, batches[step]), passed_on, from_logits=True
                )
                loss = tf.reduce_sum(tf.reduce_mean(errors, axis=1))
            gradients = tape.gradient(loss, [variable.value for variable in variables])
            optimizer.apply(gradients, variables)

    return train


if __name__ == "__main__":
    main()
