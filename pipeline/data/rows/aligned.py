"""Arrays that TensorFlow can use where they lie, without a copy of its own."""

import math

import numpy as np

ALIGNMENT = 64
"""Bytes. TensorFlow ends the process when it is handed memory that begins elsewhere."""


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array whose values are yet to be set."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)
