"""A digest of the rows: equal for equal data, whatever the file is called or where it lies."""

import hashlib
import json

import numpy as np

from pipeline.data.rows.streamed import StreamedRows, blocks_of
from pipeline.data.source import Source


def fingerprint(source: Source) -> str:
    """SHA-256, in hex, of columns, values, target and test mask.

    Column names and kinds count, and so does the order of rows; name, origin and image shape do
    not.
    """
    digest = hashlib.sha256(json.dumps(source.columns).encode())
    for array in (source.numbers, source.categories, source.target, source.test):
        if array is None:
            digest.update(b"none")
        elif isinstance(array, StreamedRows):
            digest.update(f"f{array.shape}".encode())
            for _, block in blocks_of(array):
                digest.update(block.astype("<f4", copy=False).data.cast("B"))
        elif array.dtype.kind == "U":  # As text: the width of the type is no part of the data.
            digest.update(json.dumps([array.shape, array.ravel().tolist()]).encode())
        else:
            little_endian = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            digest.update(f"{array.dtype.kind}{array.shape}".encode())
            digest.update(little_endian.data.cast("B") if array.size else b"")
    return digest.hexdigest()
