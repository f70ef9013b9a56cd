"""NumPy files: .npz with x and y (and x_test, y_test), .npy with rows alone. Never unpickled."""

import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from pipeline.data.rows.memory import check_fits
from pipeline.data.sources.matrix import Arrays, ArraysReader, stacked
from pipeline.errors import InputError, nearest

# How NumPy packs archives. Other methods expand a block without a limit on what comes out.
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class NpyReader(ArraysReader):
    """A .npy file."""

    suffixes = (".npy",)

    def arrays(self, spec: str) -> Arrays:
        """See `read_npy`."""
        return read_npy(Path(spec))


class NpzReader(ArraysReader):
    """An .npz file."""

    suffixes = (".npz",)

    def arrays(self, spec: str) -> Arrays:
        """See `read_npz`."""
        return read_npz(Path(spec))


def read_npy(path: Path) -> Arrays:
    """The matrix of a .npy file; it has no target.

    Raises:
        InputError: for a damaged file, pickled objects, and more than fits in memory.
    """
    with _damage_reported(path), path.open("rb") as file:
        x = _array(file, path.stat().st_size, path.name)
    return Arrays(path.stem, path.name, x, None, None)


def mapped_npy(path: Path) -> np.ndarray:
    """The array of a .npy file, of any size, left on disk.

    Raises:
        InputError: for a damaged file and for pickled objects.
    """
    with _damage_reported(path), path.open("rb") as file:
        _header(file, path.stat().st_size, path.name)
        return np.load(path, mmap_mode="r", allow_pickle=False)


def read_npz(path: Path) -> Arrays:
    """The arrays x, y, x_test and y_test of an .npz file, or X, ...; Keras's x_train will do too.

    Raises:
        InputError: as for `read_npy`, and for an .npz file without rows.
    """
    with _damage_reported(path), zipfile.ZipFile(path) as archive:
        given = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        members = {name.lower(): member for name, member in given.items()} | given
        suffix = "_train" if "x_train" in members else ""
        names = (f"x{suffix}", f"y{suffix}", "x_test", "y_test")
        x, y, x_test, y_test = (_member(archive, members.get(name), path.name) for name in names)
    if x is None:
        raise InputError(
            f"An .npz file needs the array 'x' (or 'x_train') with the rows. {path.name} has "
            f"none.{nearest('x', members)} Rename it."
        )
    if x_test is None:
        return Arrays(path.stem, path.name, x, y, None)
    return Arrays(path.stem, path.name, *stacked((x, y), (x_test, y_test), path.name))


def _member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo | None, where: str
) -> np.ndarray | None:
    if member is None:
        return None
    if member.compress_type not in _PACKED:
        raise zipfile.BadZipFile(f"{member.filename} is packed in a way that NumPy does not use")
    with archive.open(member) as file:  # it gives no more bytes than the archive says
        return _array(file, member.file_size, where)


def _array(file: IO[bytes], size: int, where: str) -> np.ndarray:
    """The array in a file of `size` bytes. Its header is read first and must keep to the rules."""
    shape, dtype = _header(file, size, where)
    check_fits(math.prod(shape), dtype.itemsize, where)
    file.seek(0)
    array = np.lib.format.read_array(file, allow_pickle=False)
    if array.dtype.kind == "U" and not _is_unicode(array):
        raise ValueError("its text is not Unicode")
    return array


def _header(file: IO[bytes], size: int, where: str) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type that the array in a file of `size` bytes has, all of it being there."""
    numpy = np.lib.format
    read_header = (
        numpy.read_array_header_1_0
        if numpy.read_magic(file) == (1, 0)
        else numpy.read_array_header_2_0
    )
    shape, _, dtype = read_header(file)
    if dtype.hasobject:
        raise InputError(
            f"Arrays must hold plain numbers or text. {where} has an array of pickled Python "
            "objects (dtype object), which is never read, for unpickling runs code. "
            "Convert it, for example with array.astype(str) or array.astype(float)."
        )
    announced, there = math.prod(shape) * dtype.itemsize, size - file.tell()
    if announced > there:
        raise ValueError(f"an array of shape {shape} takes {announced} bytes, and {there} follow")
    return shape, dtype


def _is_unicode(text: np.ndarray) -> bool:
    """Whether all code points exist and none is half of a surrogate pair."""
    points = np.ascontiguousarray(text).ravel().view(text.dtype.byteorder + "u4")
    return not ((points > 0x10FFFF) | ((points >= 0xD800) & (points <= 0xDFFF))).any()


@contextmanager
def _damage_reported(path: Path) -> Iterator[None]:
    """NumPy and zipfile raise errors of nearly any type for damaged bytes: all become one."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if path.stat().st_size == 0:
            raise InputError(f"A file must not be empty. {path.name} has 0 bytes.") from error
        raise InputError(
            f"{path.name} cannot be read: {error}. It may be cut short, or be no "
            f"{path.suffix.lower()} file. Write it again with np.savez or np.save."
        ) from error
