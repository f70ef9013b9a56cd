"""NumPy files: .npz with x and y (and x_test, y_test), .npy with rows alone. Never unpickled."""

import math
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from pipeline.data.rows.memory import check_fits
from pipeline.data.rows.streamed import BLOCK_BYTES, Rows, StreamedRows
from pipeline.data.sources.matrix import Arrays, ArraysReader, flat, stacked
from pipeline.data.sources.tables.opening.plain import room_in
from pipeline.errors import InputError, nearest

# How NumPy packs archives. Other methods expand a block without a limit on what comes out.
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
UNPACKED = 2**16
"""Bytes that are unpacked at a time."""
NAMES = ("x", "y", "x_test", "y_test")
"""Of the arrays in an .npz file."""


class NpyReader(ArraysReader):
    """A .npy file."""

    suffixes = (".npy",)

    def arrays(self, spec: str) -> Arrays:
        """See `read_npy`."""
        return read_npy(Path(spec))

    @contextmanager
    def matrix(self, spec: str) -> Iterator[tuple[Rows, str]]:
        """The rows where they are."""
        yield stored_rows(Path(spec), Path(spec).stem), Path(spec).stem


class NpzReader(ArraysReader):
    """An .npz file."""

    suffixes = (".npz",)

    def arrays(self, spec: str) -> Arrays:
        """See `read_npz`."""
        return read_npz(Path(spec))

    @contextmanager
    def matrix(self, spec: str) -> Iterator[tuple[Rows, str]]:
        """Its test rows, or else all, unpacked into a file while they are read."""
        path = Path(spec)
        with tempfile.TemporaryDirectory(prefix="layerwise-") as folder:
            yield stored_rows(unpacked_rows(path, Path(folder)), path.stem), path.stem


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


def stored_rows(file: Path, name: str) -> Rows:
    """Rows (rows, features) of a .npy file, left on disk where they lie there row by row.

    Raises:
        InputError: for a damaged file, and for what are no rows.
    """
    stored = mapped_npy(file)
    if not stored.flags.c_contiguous:
        return flat(read_npy(file).x, name)
    flat(stored, name)
    return StreamedRows(file, BLOCK_BYTES)


def read_npz(path: Path) -> Arrays:
    """The arrays x, y, x_test and y_test of an .npz file, or X, ...; Keras's x_train will do too.

    Raises:
        InputError: as for `read_npy`, and for an .npz file without rows.
    """
    with _damage_reported(path), zipfile.ZipFile(path) as archive:
        members = _members(archive, path.name)
        x, y, x_test, y_test = (_member(archive, members.get(name), path.name) for name in NAMES)
    assert x is not None
    if x_test is None:
        return Arrays(path.stem, path.name, x, y, None)
    return Arrays(path.stem, path.name, *stacked((x, y), (x_test, y_test), path.name))


def unpacked_rows(path: Path, folder: Path) -> Path:
    """A .npy file with the test rows of an .npz file, or else with all rows, in the folder.

    Raises:
        InputError: as for `read_npz`, and for more than there is room for.
    """
    file = folder / "rows.npy"
    with _damage_reported(path), zipfile.ZipFile(path) as archive:
        members = _members(archive, path.name)
        member = members.get("x_test", members["x"])
        with _opened(archive, member) as packed:
            shape, dtype = _header(packed, member.file_size, path.name)
            size = packed.tell() + math.prod(shape) * dtype.itemsize
        if size > (room := room_in(folder)):
            raise InputError(
                f"Rows are unpacked where there is room for them. {path.name} needs "
                f"{size / 2**30:,.1f} GiB; half of what is free in {folder.parent} is "
                f"{room / 2**30:,.1f} GiB. Make room, set TMPDIR to another folder, or give a "
                ".npy file."
            )
        with _opened(archive, member) as packed, file.open("wb") as out:
            while block := packed.read(min(UNPACKED, size - out.tell())):
                out.write(block)
    return file


def _members(archive: zipfile.ZipFile, where: str) -> dict[str, zipfile.ZipInfo]:
    """Those of the arrays that are read, by the `NAMES` that they should have."""
    given = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
    known = {name.lower(): member for name, member in given.items()} | given
    suffix = "_train" if "x_train" in known else ""
    found = {"x": f"x{suffix}", "y": f"y{suffix}", "x_test": "x_test", "y_test": "y_test"}
    if found["x"] not in known:
        raise InputError(
            f"An .npz file needs the array 'x' (or 'x_train') with the rows. {where} has "
            f"none.{nearest('x', known)} Rename it."
        )
    return {name: known[called] for name, called in found.items() if called in known}


def _opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    """The bytes of a member, no more of them than the archive says."""
    if member.compress_type not in _PACKED:
        raise zipfile.BadZipFile(f"{member.filename} is packed in a way that NumPy does not use")
    return archive.open(member)


def _member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo | None, where: str
) -> np.ndarray | None:
    if member is None:
        return None
    with _opened(archive, member) as file:
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
