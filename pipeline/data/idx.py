"""A folder of IDX files, as MNIST is distributed: plain or gzipped, with or without test rows."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from pipeline.data.matrix import Arrays, stacked
from pipeline.errors import InputError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
_TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def holds_idx(folder: Path) -> bool:
    """Whether the folder has training images in IDX files."""
    return _find(folder, _TRAIN[0]) is not None


def read_idx_folder(folder: Path) -> Arrays:
    """The images and labels of `train-images-idx3-ubyte[.gz]` and the three files that go with it.

    Raises:
        InputError: for a missing or damaged file.
    """
    train = _pair(folder, _TRAIN)
    name = folder.resolve().name
    if _find(folder, _TEST[0]) is None:
        return Arrays(name, name, *train, None)
    return Arrays(name, name, *stacked(train, _pair(folder, _TEST), name))


def _pair(folder: Path, names: tuple[str, str]) -> tuple[np.ndarray, np.ndarray]:
    paths = [_find(folder, name) for name in names]
    for name, path in zip(names, paths, strict=True):
        if path is None:
            raise InputError(
                f"A folder of IDX files needs {name} or {name}.gz. "
                f"{folder} has neither. Add it, or give another data.source."
            )
    images, labels = (read_idx(path) for path in paths if path is not None)
    return images, labels


def _find(folder: Path, name: str) -> Path | None:
    paths = (folder / name, folder / f"{name}.gz")
    return next((path for path in paths if path.is_file()), None)


def read_idx(path: Path) -> np.ndarray:
    """The array of one IDX file: two zero bytes, type, dimensions, big-endian sizes, values.

    Raises:
        InputError: for a damaged or empty file.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(
            f"{path.name} cannot be read: {error}. It may be cut short. Fetch it again."
        ) from error
    if not content:
        raise InputError(f"A file must not be empty. {path.name} has no content.")
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise InputError(
            "An IDX file begins with two zero bytes, a type code and the number of dimensions. "
            f"{path.name} begins with {content[:4].hex(' ')}. Give a file in IDX format."
        )
    dimensions = content[3]
    start = 4 + 4 * dimensions
    dtype = np.dtype(_TYPES[content[2]])
    shape = struct.unpack(f">{dimensions}I", content[4:start]) if len(content) >= start else ()
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected or not shape:
        raise InputError(
            f"An IDX file is as long as its header says. {path.name} announces the shape {shape}, "
            f"that is {expected} bytes, and has {len(content)}. Fetch it again."
        )
    values = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return values.astype(dtype.newbyteorder("="), copy=False)
