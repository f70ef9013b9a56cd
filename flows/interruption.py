"""How Ctrl-C and SIGTERM stop a run: as an exception, which ends the trials under way too."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Terminated(KeyboardInterrupt):
    """SIGTERM was sent; it stops a run as cleanly as Ctrl-C does."""


def _terminate(*_: object) -> None:
    raise Terminated


def handle_sigterm() -> None:
    """From now on SIGTERM raises `Terminated`."""
    signal.signal(signal.SIGTERM, _terminate)


def interruption_behind(error: BaseException | None) -> KeyboardInterrupt | None:
    """Ctrl-C or SIGTERM, where the error is one or, as Prefect wraps it, was caused by one."""
    while error:
        if isinstance(error, KeyboardInterrupt):
            return error
        error = error.__cause__ or error.__context__
    return None


def exit_status(interruption: KeyboardInterrupt) -> int:
    """128 and the signal's number, as shells have it."""
    sent = signal.SIGTERM if isinstance(interruption, Terminated) else signal.SIGINT
    return 128 + sent


_stopped = threading.Event()


@contextmanager
def stoppable() -> Iterator[None]:
    """Threads of this process that call `unless_stopped` end when this block ends by an error."""
    _stopped.clear()
    try:
        yield
    except BaseException:
        _stopped.set()
        raise


def unless_stopped(_: object) -> None:
    """A stage's watcher that shows nothing: raises `KeyboardInterrupt` once the run is stopped."""
    if _stopped.is_set():
        raise KeyboardInterrupt
