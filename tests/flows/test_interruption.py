"""Signals stop a run, also where the exception that they raise is lost."""

import signal
from collections.abc import Iterator
from contextlib import suppress

import pytest

from flows import interruption
from flows.interruption import Terminated, exit_status, handle_signals, unless_stopped


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Those of the test's own process come back."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    kept = [signal.getsignal(one) for one in signals]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    handle_signals()
    yield
    for one, handler in zip(signals, kept, strict=True):
        signal.signal(one, handler)
    interruption._signals.clear()  # what was sent in a test stops no later one


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_is_under_way_ends_although_the_exception_was_swallowed(sent: int, status: int):
    unless_stopped(None)
    with suppress(KeyboardInterrupt):  # as in a finalizer, where Python only prints it
        signal.raise_signal(sent)
    with pytest.raises(KeyboardInterrupt) as stopped:
        unless_stopped(None)
    assert exit_status(stopped.value) == status
    assert isinstance(stopped.value, Terminated) == (sent == signal.SIGTERM)


def test_ctrl_c_that_a_shell_has_ignored_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    handle_signals()
    signal.raise_signal(signal.SIGINT)
    unless_stopped(None)
