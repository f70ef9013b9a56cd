"""Whether an exported model gives what the Keras models give, where our code cannot be imported."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline.export.signatures.endpoints import Endpoints
from pipeline.export.signatures.inputs import MATRIX, given_by_name
from pipeline.export.trained import Trained
from pipeline.tasks.denoise import DENOISED

TOLERANCE = 1e-5
CLEAN_LOADER = Path(__file__).with_name("clean_loader.py")


class ExportError(RuntimeError):
    """The exported model does not give what the Keras model gives."""


def _expected(
    trained: Trained, numbers: np.ndarray, categories: np.ndarray
) -> dict[str, np.ndarray]:
    """What the Keras models give for raw rows, `ENDPOINT/OUTPUT`, scaled with NumPy."""
    features = tf.constant(trained.preprocessing.apply(numbers, categories))
    endpoints = Endpoints(trained)
    return {
        f"{name}/{output}": value.numpy()
        for name in trained.endpoints
        for output, value in endpoints.of_features(name, features).items()
    }


def verify(trained: Trained, folder: Path, numbers: np.ndarray, categories: np.ndarray) -> None:
    """Compare an exported folder, loaded in a clean process, with the models that it was made of.

    On raw rows (numbers (rows, number columns), categories (rows, category columns)). Raises
    `ExportError` where an output differs by more than 1e-5 of the largest value.
    """
    with tempfile.TemporaryDirectory() as scratch:
        given, got = Path(scratch, "given.npz"), Path(scratch, "got.npz")
        columns = trained.preprocessing.columns
        rows: dict[str, Any] = {MATRIX: numbers}
        if trained.by_name:
            rows = given_by_name(columns, numbers, categories, written=True)
        np.savez(given, **rows)
        # Isolated: neither this folder nor the environment leads Python to our packages.
        command = [sys.executable, "-I", str(CLEAN_LOADER), str(folder), str(given), str(got)]
        result = subprocess.run(command, cwd=scratch, capture_output=True, text=True)
        if result.returncode == -signal.SIGINT:  # Ctrl-C reaches it too
            raise KeyboardInterrupt
        if result.returncode:
            raise ExportError(f"the exported model does not load: {result.stderr[-2000:]}")
        with np.load(got, allow_pickle=False) as outputs:
            in_units = _units(trained)
            for name, value in _expected(trained, numbers, categories).items():
                check_same(name, value, outputs[name], in_units.get(name, _as_given))


def _units(trained: Trained) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """What makes outputs in raw units comparable: beside a large offset any error is small."""
    return {
        **{f"serve/{name}": trained.coding.encode for name in trained.task.output_columns((), ())},
        "reconstruct/reconstruction": trained.preprocessing.scaled_again,
        **(
            {f"serve/{DENOISED}": trained.preprocessing.scaled_again}
            if trained.task.gives == "rows"
            else {}
        ),
    }


def _as_given(values: np.ndarray) -> np.ndarray:
    return values


def check_same(
    name: str,
    expected: np.ndarray,
    got: np.ndarray,
    in_units: Callable[[np.ndarray], np.ndarray] = _as_given,
) -> None:
    """Raise `ExportError` where outputs, made comparable, differ by more than rounding."""
    if expected.dtype == object:
        if list(expected) != [label.encode() for label in got.tolist()]:
            raise ExportError(f"{name} differs in the exported model.")
        return
    comparable = in_units(expected)
    largest = max(1.0, float(np.abs(comparable).max()))
    difference = float(np.abs(comparable - in_units(got)).max())
    if not difference <= TOLERANCE * largest:
        raise ExportError(f"{name} differs by {difference:.2g} in the exported model.")
