"""Cancel and Suspend stop a run at once, even where Prefect's own observers do not.

The observer of Cancel in the process that serves, or in the worker, ends with `NoEventLoopError`
once the server was away (Prefect 3.8): whoever presses it then sees "Cancelling" for ever, and
training goes on. That of Suspend waits for the end of the task, which may be hours away, while
another run may have its turn. So the run's process asks the server for its own state as well.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State

from flows.interruption import interrupt
from flows.scheduling.dead_runs import PROCESS
from flows.scheduling.repeated import repeated
from pipeline.tracking.processes import this_process

SECONDS = 10.0
"""Between two looks: two that see it, and the time to stop, are well below a minute."""


class StoppedOnPage(KeyboardInterrupt):
    """Cancel or Suspend was pressed on Prefect's page; it stops a run as cleanly as Ctrl-C does."""

    def __init__(self, state: State[Any]):
        self.state = state
        """The run's, as the server has it."""


@contextmanager
def stopped_on_page(flow_run_id: UUID) -> Iterator[None]:
    """Raises `StoppedOnPage` in the block, in the main thread, once the run is to stop."""
    watch = _Watch(flow_run_id)
    signal.signal(signal.SIGUSR1, watch.stop)
    try:
        with repeated(watch.look, SECONDS):
            yield
    finally:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # a look under way may still send it


class _Watch:
    """Asks for the run's state; interrupts the main thread where nobody else does."""

    def __init__(self, flow_run_id: UUID) -> None:
        self._flow_run_id = flow_run_id
        self._seen: list[State[Any]] = []

    def look(self) -> None:
        if len(self._seen) == 2:
            return
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(self._flow_run_id)
        if run.state and _is_to_stop(run, run.state):
            self._seen.append(run.state)
        # Where Prefect's observers are at work, they have stopped the run before the second look.
        if len(self._seen) == 2 and (main := threading.main_thread().ident):
            signal.pthread_kill(main, signal.SIGUSR1)

    def stop(self, *_: object) -> None:
        interrupt(StoppedOnPage(self._seen[-1]))


def _is_to_stop(run: FlowRun, state: State[Any]) -> bool:
    """Whether it is cancelled or suspended, or was suspended and another process resumes it."""
    cancelled = state.is_cancelling() or state.is_cancelled()
    suspended = state.is_paused() and bool(state.state_details.pause_reschedule)
    resumed = run.labels.get(PROCESS) != this_process()
    return cancelled or suspended or resumed or state.is_scheduled() or state.is_pending()
