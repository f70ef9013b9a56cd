"""A folder of IDX files, as MNIST is distributed: plain or gzipped, with or without test rows."""

import gzip
import math
import struct
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from pipeline.data.rows.memory import check_fits
from pipeline.data.sources.matrix import Arrays, ArraysReader, stacked
from pipeline.errors import InputError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
_TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

MAX_DIMENSIONS = 8


class IdxFolderReader(ArraysReader):
    """A folder that is of no other kind: what it lacks of IDX files is named."""

    def recognises(self, spec: str) -> bool:
        """Whether it is a folder."""
        return Path(spec).is_dir()

    def arrays(self, spec: str) -> Arrays:
        """See `read_idx_folder`."""
        return read_idx_folder(Path(spec))


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
        InputError: for a damaged or empty file, and for more than fits in memory.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return _array(file, path.name)
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(
            f"{path.name} cannot be read: {error}. It may be cut short. Fetch it again."
        ) from error


def _array(file: BufferedIOBase, where: str) -> np.ndarray:
    """Reads the header, and then no more than it announces, however much is packed."""
    header = file.read(4)
    if not header:
        raise InputError(f"A file must not be empty. {where} has no content.")
    if len(header) < 4 or header[:2] != b"\0\0" or header[2] not in _TYPES:
        raise InputError(
            "An IDX file begins with two zero bytes, a type code and the number of dimensions. "
            f"{where} begins with {header.hex(' ')}. It may be cut short. "
            "Fetch it again, or give a file in IDX format."
        )
    dimensions = header[3]
    dtype = np.dtype(_TYPES[header[2]])
    sizes = file.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise _wrong_length(where, f"{dimensions} dimensions", "ends before their sizes")
    shape = struct.unpack(f">{dimensions}I", sizes)
    if not 1 <= dimensions <= MAX_DIMENSIONS or 0 in shape:
        raise InputError(
            f"An IDX file has 1 to {MAX_DIMENSIONS} dimensions, none of them empty. {where} has "
            f"the shape {shape}. Give another file."
        )
    check_fits(math.prod(shape), dtype.itemsize, where)
    announced = math.prod(shape) * dtype.itemsize
    content = file.read(announced + 1)
    if len(content) != announced:
        found = "more" if len(content) > announced else f"{len(content)}"
        raise _wrong_length(where, f"the shape {shape}, {announced} bytes", f"has {found}")
    values = np.frombuffer(content, dtype).reshape(shape)
    return values.astype(dtype.newbyteorder("="), copy=False)


def _wrong_length(where: str, announced: str, found: str) -> InputError:
    return InputError(
        f"An IDX file is as long as its header says. {where} announces {announced}, and {found}. "
        "Fetch it again."
    )
