"""Why a run failed, in one message: what the terminal and the run's page say."""

import shutil
from pathlib import Path

from pipeline.credentials import redact
from pipeline.errors import InputError

FULL_DISK = 2**20
"""Bytes: a disk with fewer left is full."""


def reason_of(error: BaseException) -> str:
    """What an `InputError` says; else the type, the message, and which disk is full if one is."""
    if isinstance(error, InputError):
        return redact(str(error))
    reason, _, _ = str(error).partition("\n[SQL: ")  # a statement that fills a screen
    return redact("\n".join([f"{type(error).__name__}: {reason}", *_full_disks()]))


def _full_disks() -> list[str]:
    """Which disk is full: the cause of many an error that does not name it."""
    full = [
        str(folder)
        for folder in (Path.cwd(), Path("mlruns"), Path("mlruns/artifacts"), Path("exports"))
        if folder.is_dir() and shutil.disk_usage(folder).free < FULL_DISK
    ]
    return [f"The disk that holds {' and '.join(full)} is full."] if full else []
