"""NumPy files: .npz with x and y (and x_test, y_test), .npy with rows alone. Never unpickled."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from pipeline.data.matrix import Arrays, stacked
from pipeline.errors import InputError, nearest

_DAMAGE = (
    MemoryError,
    OSError,
    EOFError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
)


def read_npy(path: Path) -> Arrays:
    """The matrix of a .npy file; it has no target.

    Raises:
        InputError: for a damaged file and for pickled objects.
    """
    try:
        with path.open("rb") as file:
            x = np.lib.format.read_array(file, allow_pickle=False)
    except _DAMAGE as error:
        raise _unreadable(path, error) from error
    return Arrays(path.stem, path.name, x, None, None)


def read_npz(path: Path) -> Arrays:
    """The arrays x, y, x_test and y_test of an .npz file; Keras's x_train and y_train will do.

    Raises:
        InputError: for a damaged file, pickled objects, and an .npz file without rows.
    """
    try:
        # np.load takes a file that is no archive for a pickle, and would say so.
        if not zipfile.is_zipfile(path):
            raise zipfile.BadZipFile("it is not a whole zip archive")
        with np.load(path, allow_pickle=False) as archive:
            suffix = "_train" if "x_train" in archive.files else ""
            names = (f"x{suffix}", f"y{suffix}", "x_test", "y_test")
            found = {name: archive[name] for name in names if name in archive.files}
            present = list(archive.files)
    except _DAMAGE as error:
        raise _unreadable(path, error) from error
    x, y, x_test, y_test = (found.get(name) for name in names)
    if x is None:
        raise InputError(
            f"An .npz file needs the array 'x' (or 'x_train') with the rows. {path.name} has "
            f"none.{nearest('x', present)} Rename it."
        )
    if x_test is None:
        return Arrays(path.stem, path.name, x, y, None)
    return Arrays(path.stem, path.name, *stacked((x, y), (x_test, y_test), path.name))


def _unreadable(path: Path, error: Exception) -> InputError:
    if path.stat().st_size == 0:
        return InputError(f"A file must not be empty. {path.name} has 0 bytes.")
    if "Object arrays" in str(error):
        return InputError(
            f"Arrays must hold plain numbers or text. {path.name} has an array of pickled Python "
            "objects (dtype object), which is never read, for unpickling runs code. "
            "Convert it, for example with array.astype(str) or array.astype(float)."
        )
    return InputError(
        f"{path.name} cannot be read: {error}. It may be cut short, or be no {path.suffix.lower()} "
        "file. Write it again with np.savez or np.save."
    )
