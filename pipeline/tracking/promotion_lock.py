"""One promotion at a time where the store is a database of this folder.

MLflow sets an alias whatever it names meanwhile: of two that promote at one moment the last would
win, without having been compared with the first.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pipeline.errors import InputError
from pipeline.tracking.store import database_file, tracking_uri

LOCK = "promotion.lock"
"""Beside the database: a database of its own, whose lock ends with the process that holds it."""
SECONDS = 600
"""How long another promotion is waited for."""


@contextmanager
def promotion_lock(waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the store's lock; `waiting` is called where another process has it.

    A store on a server has none: there Prefect holds runs apart (`flows/promotion.py`). Raises
    `InputError` where the other one takes too long.
    """
    file = database_file(tracking_uri())
    if file is None:
        yield
        return
    with closing(sqlite3.connect(file.with_name(LOCK), timeout=0, isolation_level=None)) as lock:
        _lock(lock, file.with_name(LOCK), waiting)
        yield


def _lock(lock: sqlite3.Connection, file: Path, waiting: Callable[[], None]) -> None:
    ends, told = time.monotonic() + SECONDS, False
    while True:
        try:
            lock.execute("BEGIN EXCLUSIVE")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
        if not told:
            waiting()
            told = True
        if time.monotonic() > ends:
            raise InputError(
                f"Another promotion has held {file} for {SECONDS // 60} minutes. See which process "
                "it is, end it, and promote again."
            )
        time.sleep(0.1)
