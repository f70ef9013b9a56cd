"""Copies that are kept by what they are of and in which state; each appears whole or not at all."""

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pipeline.errors import InputError
from pipeline.files import folder_digest, hidden_folder

KEPT_FREE = 2**30
"""Bytes that a copy leaves on the disk."""
KEPT_SECONDS = 7 * 24 * 3600
"""How long a copy stays after a command used it last."""


def kept(what: str, state: str | None, make: Callable[[Path], None]) -> Path:
    """The folder with a thing in this state, which `make` fills where there is none yet.

    Without a state it is made each time, and its content says which it is.
    """
    copies = copies_folder()
    name = _digest(what)
    if state is None or not (found := copies / f"{name}-{_digest(state)}").is_dir():
        with hidden_folder(copies) as hidden:
            made = hidden / "made"
            made.mkdir()
            make(made)
            found = copies / f"{name}-{_digest(state or folder_digest(made))}"
            with suppress(OSError):  # another process was quicker; what it made is the same
                made.rename(found)
    os.utime(found)
    _forget(copies)
    return found


def _forget(copies: Path) -> None:
    """Remove what was not used for long, and what killed processes left."""
    for folder in copies.iterdir():
        with suppress(FileNotFoundError):  # another process was quicker
            if time.time() - folder.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def copies_folder() -> Path:
    """Where copies are: in `LAYERWISE_SCRATCH`, or else in the user's folder of caches.

    Raises:
        InputError: where it cannot be made.
    """
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    scratch = os.environ.get("LAYERWISE_SCRATCH") or Path(cache, "layerwise")
    folder = Path(scratch).expanduser().absolute() / "copies"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"Files on servers are copied to {folder}, which cannot be made ({error.strerror}). "
            "Set LAYERWISE_SCRATCH to a folder that can."
        ) from error
    return folder


def check_room(size: int, of: str) -> None:
    """Raise `InputError` where so many bytes more would fill the disk."""
    folder = copies_folder()
    free = shutil.disk_usage(folder).free
    if free - size < KEPT_FREE:
        raise InputError(
            f"Files on servers are copied to {folder}, where {free / 2**30:,.1f} GiB are free and "
            f"{KEPT_FREE / 2**30:g} must stay. {of} has {size / 2**30:,.1f} GiB to come, or does "
            "not say how many. Set LAYERWISE_SCRATCH to a folder on a larger disk."
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
