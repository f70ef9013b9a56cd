"""A digest of the rows: equal for equal data, whatever the file is called or where it lies."""

import hashlib
import json

import numpy as np

from pipeline.data.rows.streamed import blocks_of
from pipeline.data.source import Source


def fingerprint(source: Source) -> str:
    """SHA-256, in hex, of columns, values, target and test mask.

    Column names and kinds count, and so do the order of rows and the shape of images; name, origin
    and the type in which numbers are stored do not.
    """
    digest = hashlib.sha256(json.dumps([source.columns, source.image_shape]).encode())
    digest.update(f"{source.numbers.shape}".encode())
    for _, block in blocks_of(source.numbers) if source.numbers.shape[1] else ():
        digest.update(np.ascontiguousarray(block, "<f8").data.cast("B"))
    for array in (source.categories, source.target, source.test):
        if array is None:
            digest.update(b"none")
        elif array.dtype.kind == "U":  # As text: the width of the type is no part of the data.
            digest.update(json.dumps([array.shape, array.ravel().tolist()]).encode())
        else:
            little_endian = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            digest.update(f"{array.dtype.kind}{array.shape}".encode())
            digest.update(little_endian.data.cast("B") if array.size else b"")
    return digest.hexdigest()
