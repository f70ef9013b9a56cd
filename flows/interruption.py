"""How Ctrl-C, SIGTERM and SIGHUP stop a run: an exception, which ends trials under way too."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import NoReturn


class Terminated(KeyboardInterrupt):
    """A signal was sent that ends programs; it stops a run as cleanly as Ctrl-C does."""

    def __init__(self, sent: int):
        self.sent = sent


_asked: list[KeyboardInterrupt] = []
"""By what the run was asked to stop."""

_stopped = threading.Event()
"""A run of this process has ended by an error."""


def interrupt(reason: KeyboardInterrupt) -> NoReturn:
    """Stop the run, in the handler of a signal: raise this in the main thread.

    There it may be lost in the clearing up of a library. So what calls `unless_stopped` raises it
    as well.
    """
    _asked.append(reason)
    raise reason


def _on_interrupt(*_: object) -> None:
    interrupt(KeyboardInterrupt())


def _on_terminate(sent: int, _: object) -> None:
    interrupt(Terminated(sent))


def handle_signals() -> None:
    """Ctrl-C, SIGTERM, and SIGHUP of a terminal that is closed `interrupt` from now on.

    What stopped an earlier run of this process is forgotten.
    """
    _asked.clear()
    _stopped.clear()
    signal.signal(signal.SIGTERM, _on_terminate)
    # A shell has it ignored in what it starts in the background.
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, _on_interrupt)
    if hasattr(signal, "SIGUSR2"):  # Windows has none
        _keep_main_thread_awake()
    # Windows has none, and nohup has it ignored.
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        terminals = [output for output in (1, 2) if os.isatty(output)]
        signal.signal(signal.SIGHUP, lambda sent, _: _hang_up(terminals, sent))


WAKES, SECONDS = 10, 0.5
"""How often the main thread is woken after a signal, and how long after the one before."""


@cache
def _keep_main_thread_awake() -> None:
    """Have the main thread look for signals after one came, though it waits for something.

    Only the main thread calls Python's handlers. One that goes to sleep as the signal comes, or
    one asleep while another thread is given the signal, would not until it is awake again.
    """
    told, tells = socket.socketpair()
    tells.setblocking(False)
    signal.set_wakeup_fd(tells.detach(), warn_on_full_buffer=False)
    signal.signal(signal.SIGUSR2, lambda *_: None)
    main = threading.main_thread().ident
    assert main

    def wake() -> None:
        while sent := told.recv(1):
            if sent[0] == signal.SIGUSR2:
                continue
            for _ in range(WAKES):
                time.sleep(SECONDS)
                signal.pthread_kill(main, signal.SIGUSR2)

    threading.Thread(target=wake, name="wakes for signals", daemon=True).start()


def _hang_up(terminals: list[int], sent: int) -> None:
    """Writing to a terminal that is closed fails, and what ends the run would fail with it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for output in terminals:
        os.dup2(nowhere, output)
    interrupt(Terminated(sent))


def interruption_behind(error: BaseException | None) -> KeyboardInterrupt | None:
    """Ctrl-C or such a signal, where the error is one or, as Prefect has it, was caused by one."""
    while error:
        if isinstance(error, KeyboardInterrupt):
            return error
        error = error.__cause__ or error.__context__
    return None


def exit_status(interruption: KeyboardInterrupt) -> int:
    """128 and the signal's number, as shells have it."""
    sent = interruption.sent if isinstance(interruption, Terminated) else signal.SIGINT
    return 128 + sent


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
    if _asked:
        raise _asked[0]
    if _stopped.is_set():
        raise KeyboardInterrupt
