"""A digest of the rows: equal for equal data, whatever the file is called or where it lies."""

import hashlib
import json
from typing import Any

import numpy as np

from pipeline.data.rows.streamed import blocks_of
from pipeline.data.source import Source
from pipeline.files import text_digest


def rows_fingerprint(source: Source) -> str:
    """SHA-256, in hex, of the columns and their values; names, kinds and the order of rows count.

    Labels do not, nor do name, origin, image shape and the type in which numbers are stored.
    """
    numbers = hashlib.sha256(f"{source.numbers.shape}".encode())
    for _, block in blocks_of(source.numbers) if source.numbers.shape[1] else ():
        numbers.update(np.ascontiguousarray(block, "<f8").data.cast("B"))
    return text_digest(numbers.hexdigest() + digest(source.columns, source.categories))


def fingerprint(source: Source, rows: str) -> str:
    """SHA-256, in hex, of all that a source holds but its name and origin.

    `rows` is its `rows_fingerprint`; target, test mask, image shape, what other columns say of
    the rows, and the rows with their noise come to it.
    """
    noisy = source.noisy
    beside = "" if noisy is None else digest(None, noisy.numbers, noisy.categories)
    known = digest(source.image_shape, source.target, source.test, *source.roles)
    return text_digest(rows + known + beside)


def digest(plain: Any, *arrays: np.ndarray | None) -> str:
    """SHA-256, in hex, of what JSON can hold and of arrays."""
    found = hashlib.sha256(json.dumps(plain).encode())
    for array in arrays:
        if array is None:
            found.update(b"none")
        elif array.dtype.kind == "U":  # As text: the width of the type is no part of the data.
            found.update(json.dumps([array.shape, array.ravel().tolist()]).encode())
        else:
            little_endian = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            found.update(f"{array.dtype.kind}{array.shape}".encode())
            found.update(little_endian.data.cast("B") if array.size else b"")
    return found.hexdigest()
