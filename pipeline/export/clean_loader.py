"""Loads an exported model in a process that cannot import our code, and runs all its signatures.

Usage: python -I clean_loader.py MODEL GIVEN.npz GOT.npz
"""

import gc
import os
import sys

gc.disable()  # modules make hardly any garbage: a fifth of their import is saved
OURS = ("layers", "pipeline", "flows")
UNNEEDED = ("jax", "matplotlib", "sklearn")  # TensorFlow and Keras import these where they can
for package in OURS + UNNEEDED:
    sys.modules[package] = None  # type: ignore[assignment]  # importing it is an error from here on
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402


def main(model: str, given: str, got: str) -> None:
    """Save what each signature gives for the rows in `given`, as `SIGNATURE/OUTPUT`."""
    signatures = tf.saved_model.load(model).signatures
    with np.load(given, allow_pickle=False) as arrays:
        rows = {name: tf.constant(arrays[name]) for name in arrays.files}
    outputs = {}
    for name in signatures:
        if name == "serving_default":  # `serve` by another name
            continue
        for output, value in signatures[name](**rows).items():
            array = value.numpy()
            if array.dtype == object:
                array = np.array([label.decode() for label in array])
            outputs[f"{name}/{output}"] = array
    np.savez(got, **outputs)


if __name__ == "__main__":
    main(*sys.argv[1:])
