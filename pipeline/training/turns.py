"""Who computes: any number of threads that train, or one alone that measures."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """A lock that training holds shared and a measurement holds alone; who measures is preferred.

    It reaches as far as the process. A thread that measures may train meanwhile.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._training = 0
        self._measuring: int | None = None
        """The thread that measures, or waits for the others to end their steps."""

    @contextmanager
    def training(self) -> Iterator[None]:
        """Beside others that train, once nobody measures."""
        if self._measuring == threading.get_ident():
            yield
            return
        with self._changed:
            self._changed.wait_for(lambda: self._measuring is None)
            self._training += 1
        try:
            yield
        finally:
            with self._changed:
                self._training -= 1
                self._changed.notify_all()

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Once nobody trains, and until the end alone."""
        with self._changed:
            self._changed.wait_for(lambda: self._measuring is None)
            self._measuring = threading.get_ident()
            self._changed.wait_for(lambda: self._training == 0)
        try:
            yield
        finally:
            with self._changed:
                self._measuring = None
                self._changed.notify_all()


TURNS = Turns()
"""Of this process."""
