"""The Keras blog's simple, sparse and deep autoencoders beside the figures it published on MNIST.

The blog trains its deep autoencoder as a whole; here the same one is also pretrained greedily,
level by level, and then trained as a whole from there.

Source: F. Chollet, "Building Autoencoders in Keras" (2016),
https://blog.keras.io/building-autoencoders-in-keras.html

Usage: python -m benchmarks.reproduce.keras_blog [fashion_mnist | mnist]
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import numpy as np

from layers import SparseAutoencoder
from pipeline.config.level import LevelConfig
from pipeline.config.sparsity import L1, NoSparsity
from pipeline.config.untrained import untrained
from pipeline.data.sources.builtin import read_builtin
from pipeline.training.finetuning.network import (
    build_network,
    random_autoencoders,
)
from pipeline.training.pretraining.pretrain import pretrain
from pipeline.training.stack import encode, stacked_decoder

SPARSE_L1 = 10e-5
PIXELS = 784
DEEP = (128, 64, 32)
BATCH = 256


def level(units: int, weight: float = 0.0, **settings) -> LevelConfig:
    """A level as the blog has its autoencoders: ReLU, sigmoid decoder, cross-entropy."""
    # The loss here is summed over pixels; the blog's is their mean.
    sparsity = L1(weight=weight * PIXELS) if weight else NoSparsity()
    return LevelConfig(
        units=units,
        sparsity=sparsity,
        decoder_activation="sigmoid",
        loss="crossentropy",
        revive=False,
        **settings,
    )


def one_level(rows: np.ndarray, test: np.ndarray, config: LevelConfig) -> tuple[float, float]:
    """Cross-entropy a pixel on test rows, and the mean activation."""
    trained = pretrain(config, rows, test, seed=0, watch=lambda _: None).autoencoder
    outputs = trained.predict(test, batch_size=4096, verbose=0)
    return crossentropy(test, outputs["reconstruction"]), float(outputs["code"].mean())


def deep_stack(epochs: int) -> list[LevelConfig]:
    """The blog's encoder 784-128-64-32; deeper levels reconstruct codes, by squared error."""
    deeper = [LevelConfig(units=units, revive=False, epochs=epochs) for units in DEEP[1:]]
    return [level(DEEP[0], epochs=epochs), *deeper]


def greedy(rows: np.ndarray, stack: list[LevelConfig]) -> list[SparseAutoencoder]:
    """Every level trained on the codes of the one below."""
    autoencoders = []
    for number, config in enumerate(stack):
        trained = pretrain(config, rows, rows[:1000], seed=number, watch=lambda _: None)
        autoencoders.append(trained.autoencoder)
        rows = encode(trained.autoencoder, rows)
    return autoencoders


def whole(stack: list[LevelConfig], autoencoders: list[SparseAutoencoder]) -> keras.Sequential:
    """Encoders and decoders as one network."""
    shape = untrained(stack, decoder=True)
    encoder = build_network(shape, PIXELS, outputs=1).encoder
    encoder.set_weights([w for a in autoencoders for w in a.encoder.get_weights()])
    decoder = stacked_decoder(shape, autoencoders)
    model = keras.Sequential([keras.Input((PIXELS,)), encoder, decoder])
    model.compile("adam", "binary_crossentropy")
    return model


def crossentropy(rows: np.ndarray, reconstruction: np.ndarray) -> float:
    """Mean over rows and pixels."""
    return float(np.mean(keras.losses.binary_crossentropy(rows, reconstruction)))


def main(source: str) -> None:
    """Train all of them on one data set and print the table as it grows."""
    data = read_builtin(source)
    scaled = (data.x.reshape(len(data.x), -1) / 255).astype("float32")
    rows, test = scaled[~data.test], scaled[data.test]
    published = "published, MNIST: test loss | mean code"
    print(f"| autoencoder | {source}: test loss | mean code | {published} |")
    print("| - | -: | -: | -: | -: |")

    def line(name: str, loss: float, code: str, *published: str) -> None:
        print(f"| {name} | {loss:.3f} | {code} | {' | '.join(published)} |", flush=True)

    loss, code = one_level(rows, test, level(32, epochs=50))
    line("784-32, 50 epochs", loss, f"{code:.2f}", "0.09", "7.30")
    loss, code = one_level(rows, test, level(32, SPARSE_L1, epochs=100))
    line("784-32 with L1 1e-4, 100 epochs", loss, f"{code:.2f}", "0.10", "3.33")

    stack = deep_stack(epochs=30)
    keras.utils.set_random_seed(0)
    model = whole(stack, random_autoencoders(stack, PIXELS, seed=0))
    model.fit(rows, rows, batch_size=BATCH, epochs=100, verbose=0)
    loss = model.evaluate(test, test, verbose=0)
    line("784-128-64-32, 100 epochs as a whole", loss, "-", "0.08", "-")
    model = whole(stack, greedy(rows, stack))
    loss = model.evaluate(test, test, verbose=0)
    line("the same, greedy, 30 epochs a level", loss, "-", "-", "-")
    for epochs in (30, 70):
        model.fit(rows, rows, batch_size=BATCH, epochs=epochs, verbose=0)
        done = "30" if epochs == 30 else "100"
        loss = model.evaluate(test, test, verbose=0)
        line(f"and {done} epochs as a whole from there", loss, "-", "-", "-")
    print(
        "\nWhat is different: Adam throughout (the blog's later code too; its figures are of an "
        "earlier one with Adadelta), falling to zero over the second half in pretraining; the "
        "decoder's bias begins at the mean of the rows."
    )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "fashion_mnist")
