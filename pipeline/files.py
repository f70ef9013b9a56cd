"""Files and folders that appear whole or not at all: written elsewhere, then renamed."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import InputError

OUTPUTS = (".csv", ".parquet", ".npz", ".npy")


@contextmanager
def hidden_folder(directory: Path) -> Iterator[Path]:
    """A folder on the disk of `directory`, to write in what is renamed when it is whole."""
    with tempfile.TemporaryDirectory(
        prefix=".", dir=directory, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def check_writable(folder: Path, cure: str) -> None:
    """Raise `InputError`, with the cure, where nothing can be written into a folder.

    One that is not there yet counts as the folder that it would be made in.
    """
    absolute = folder.absolute()
    there = next(path for path in (absolute, *absolute.parents) if os.access(path, os.F_OK))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{there} cannot be written. {cure}")


@contextmanager
def atomic_write(path: Path, replace: bool = True) -> Iterator[Path]:
    """A path to write a file or a folder to, which is renamed to `path` when all went well.

    A folder never replaces one that is there already, and without `replace` no file does: then
    `OSError` is raised, of a file `FileExistsError`.
    """
    with hidden_folder(path.parent) as folder:
        written = folder / path.name
        yield written
        if replace or written.is_dir():
            written.replace(path)
        else:
            _rename_to_new(written, path)


def _rename_to_new(written: Path, path: Path) -> None:
    """Rename a file, but never onto one that is there."""
    try:
        os.link(written, path)
    except FileExistsError:
        raise
    except OSError:  # a disk without hard links, such as exFAT
        if path.exists():
            raise FileExistsError(f"{path} is there already") from None
        written.rename(path)


def write_text(path: Path, text: str) -> None:
    """Write a text file, UTF-8."""
    with atomic_write(path) as file:
        file.write_text(text, encoding="utf-8")


def check_output(path: Path) -> None:
    """Raise `InputError` when nothing could be written there, before any work is done."""
    if path.suffix not in OUTPUTS:
        raise InputError(f"-o must end in {', '.join(OUTPUTS)}. Given: {path}.")
    if not path.parent.is_dir():
        raise InputError(f"-o: there is no folder {str(path.parent)!r}.")
    if path.is_dir():
        raise InputError(f"-o must be a file. Given: {path}, which is a folder.")
    check_writable(path.parent, "Give -o in a folder of yours.")


def new_version(directory: Path, write: Callable[[Path], None]) -> Path:
    """Let `write` fill a folder and give it the next free number in `directory`.

    Numbered folders are what TensorFlow Serving looks for. When `write` fails nothing stays.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with hidden_folder(directory) as hidden:
        folder = hidden / "version"
        folder.mkdir()
        write(folder)
        folder.chmod(0o755)
        while True:
            taken = [int(path.name) for path in directory.iterdir() if path.name.isdigit()]
            version = directory / str(max(taken, default=0) + 1)
            try:
                return folder.rename(version)
            except OSError:
                if not version.exists():  # else another process took the number: try the next
                    raise


def copy_version(source: Path, directory: Path) -> Path:
    """Copy a folder to the next free number in `directory`."""
    return new_version(directory, lambda folder: _copy(source, folder))


def _copy(source: Path, folder: Path) -> None:
    shutil.copytree(source, folder, dirs_exist_ok=True)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_digest(folder: Path, without: str | None = None) -> str:
    """SHA-256 of the names and bytes of all files in a folder, except those of one name."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != without)
    listed = [(path.relative_to(folder).as_posix(), file_digest(path)) for path in files]
    return text_digest(json.dumps(listed))


def text_digest(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
