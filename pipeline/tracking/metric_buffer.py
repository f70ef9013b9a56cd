"""Metrics are sent while their stage works: a slow or absent receiver does not hold it up."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")
SECONDS = 2.0
"""Between two sendings."""


class MetricBuffer(Generic[T]):
    """Sends entries together, in order, on a thread of its own; what failed is sent again."""

    def __init__(self, send: Callable[[Sequence[T]], None]):
        self._send = send
        self._waiting: list[T] = []
        self._sent_at = time.monotonic()
        self._thread: ThreadPoolExecutor | None = None
        self._under_way: tuple[Future[None], list[T]] | None = None

    def add(self, entries: Sequence[T]) -> None:
        """Send these soon. Waits for nothing."""
        self._waiting += entries
        if time.monotonic() - self._sent_at > SECONDS and not self.sending:
            self._take_back_what_failed()
            self._thread = self._thread or ThreadPoolExecutor(1, "metrics")
            entries, self._waiting = self._waiting, []
            self._under_way = self._thread.submit(self._send, entries), list(entries)
            self._sent_at = time.monotonic()

    @property
    def sending(self) -> bool:
        """Whether entries are being sent at this moment."""
        return self._under_way is not None and not self._under_way[0].done()

    def flush(self) -> None:
        """Wait until everything is sent. Raises what the last try raised."""
        if self._thread:
            self._thread.shutdown()  # waits for what is under way
            self._thread = None
        self._take_back_what_failed()
        if self._waiting:
            self._send(self._waiting)
            self._waiting = []
        self._sent_at = time.monotonic()

    def _take_back_what_failed(self) -> None:
        if self._under_way is None:
            return
        future, entries = self._under_way
        if error := future.exception():
            logging.getLogger(__name__).warning("Not sent, to be tried again: %s", error)
            self._waiting = entries + self._waiting
        self._under_way = None
