"""One level on Keras's JAX backend: an epoch is one compiled `lax.scan`, batches gathered inside.

A process of its own, because Keras has one backend in each: it trains an epoch for every line that
it reads, and writes a line when that is done.

Usage: KERAS_BACKEND=jax python -m benchmarks.speed.on_jax UNITS BATCH_SIZE TOPK ROWS.npy
"""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from benchmarks.running import Training
from layers import SparseAutoencoder
from layers.sparsity.topk import TopK


def on_jax(file: Path, units: int, batch_size: int, topk: int = 0) -> Callable[[], Any]:
    """Trains on the rows of a .npy file in a process beside this one, a pass at a call."""
    arguments = [str(units), str(batch_size), str(topk), str(file)]
    worker = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.speed.on_jax", *arguments],
        env=os.environ | {"KERAS_BACKEND": "jax"},
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    stdin, stdout = worker.stdin, worker.stdout
    assert stdin and stdout

    def train() -> None:
        print("train", file=stdin, flush=True)
        if not stdout.readline():
            raise RuntimeError("The process on JAX ended.")

    return train


def scan(autoencoder: SparseAutoencoder, batch_size: int, rows: np.ndarray) -> Training:
    """Trains any autoencoder on rows (rows, features), with Keras's Adam."""
    import jax

    autoencoder.build((None, rows.shape[1]))
    optimizer = keras.optimizers.Adam()
    optimizer.build(autoencoder.trainable_variables)

    def loss(trained, others, batch):
        _, others, losses = autoencoder.stateless_call(
            trained, others, batch, training=True, return_losses=True
        )
        return sum(losses), others

    differentiated = jax.value_and_grad(loss, has_aux=True)

    @partial(jax.jit, donate_argnums=0)  # else old and new weights and moments are there together
    def steps(state, batches, resident):
        def step(carried, batch):
            trained, others, moments = carried
            (value, others), gradients = differentiated(trained, others, resident[batch])
            trained, moments = optimizer.stateless_apply(moments, gradients, trained)
            return (trained, others, moments), value

        return jax.lax.scan(step, state, batches)

    state = tuple(
        [variable.value for variable in variables]
        for variables in (
            autoencoder.trainable_variables,
            autoencoder.non_trainable_variables,
            optimizer.variables,
        )
    )
    resident = jax.numpy.asarray(rows)
    random = np.random.default_rng(0)

    def train() -> None:
        nonlocal state
        order = random.permutation(len(rows))[: len(rows) // batch_size * batch_size]
        state, losses = steps(state, order.reshape(-1, batch_size), resident)
        losses.block_until_ready()

    def begin(weights: list[np.ndarray]) -> None:
        state[0][:] = map(jax.numpy.asarray, weights)

    return Training(train, lambda: [np.asarray(values) for values in state[0]], begin)


def main() -> None:
    """Train an epoch for each line."""
    units, batch_size, topk = map(int, sys.argv[1:4])
    autoencoder = SparseAutoencoder(units, sparsity=TopK(topk) if topk else None)
    training = scan(autoencoder, batch_size, np.load(sys.argv[4]))
    for _ in sys.stdin:
        training.epoch()
        print("done", flush=True)


if __name__ == "__main__":
    main()
