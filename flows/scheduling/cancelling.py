"""Cancel stops a run, even where Prefect's own observer ended with an outage of its server.

The observer in the process that serves, or in the worker, ends with `NoEventLoopError` once the
server was away (Prefect 3.8): whoever presses Cancel then sees "Cancelling" for ever, and training
goes on. So the run's process asks the server for its own state as well.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from prefect.client.orchestration import get_client

from flows.scheduling.repeated import repeated

SECONDS = 10.0
"""Between two looks: two that see "Cancelling", and the time to stop, are well below a minute."""


class CancelPressed(KeyboardInterrupt):
    """Cancel was pressed on Prefect's page; it stops a run as cleanly as Ctrl-C does."""


@contextmanager
def stopped_by_cancel(flow_run_id: UUID) -> Iterator[None]:
    """Raises `CancelPressed` in the block, in the main thread, once the run is cancelled."""
    previous = signal.signal(signal.SIGUSR1, _raise)
    watch = _Watch(flow_run_id)
    try:
        with repeated(watch.look, SECONDS):
            yield
    finally:
        signal.signal(signal.SIGUSR1, previous)


def _raise(*_: object) -> None:
    raise CancelPressed


class _Watch:
    """Asks for the run's state; interrupts the main thread where nobody else does."""

    def __init__(self, flow_run_id: UUID) -> None:
        self._flow_run_id = flow_run_id
        self._seen = 0

    def look(self) -> None:
        if self._seen == 2:
            return
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(self._flow_run_id).state
        if state and (state.is_cancelling() or state.is_cancelled()):
            self._seen += 1
        # Where Prefect's observer is at work, it has stopped the run before the second look.
        if self._seen == 2 and (main := threading.main_thread().ident):
            signal.pthread_kill(main, signal.SIGUSR1)
