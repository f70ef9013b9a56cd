"""How long an exported model takes for one row, and how large it is."""

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
import tensorflow as tf

from pipeline.data.source import Column
from pipeline.export.signatures.inputs import MATRIX, given_by_name

CALLS, BEFORE = 200, 20
"""Calls that are timed, and those before them, in which TensorFlow makes itself ready."""


def latency_ms(
    folder: Path,
    columns: Sequence[Column],
    by_name: bool,
    numbers: np.ndarray,
    categories: np.ndarray,
) -> float:
    """Milliseconds that `serve` takes for one raw row, in this process: the median of many calls.

    `numbers` (1, number columns) and `categories` (1, category columns) are the row.
    """
    serve = tf.saved_model.load(str(folder)).signatures["serve"]
    given = given_by_name(columns, numbers, categories) if by_name else {MATRIX: numbers}
    row = {name: tf.constant(values) for name, values in given.items()}
    seconds = []
    for _ in range(BEFORE + CALLS):
        began = time.perf_counter()
        for output in serve(**row).values():
            output.numpy()
        seconds.append(time.perf_counter() - began)
    return 1000 * median(seconds[BEFORE:])


def size_mb(folder: Path) -> float:
    """The bytes of all files in a folder, in millions."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
