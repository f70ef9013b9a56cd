"""Signals stop a run, also where the exception that they raise is lost."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from flows.interruption import Terminated, exit_status, handle_signals, stoppable, unless_stopped
from tests.flows.conftest import settings


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Those of the test's own process come back."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    kept = [signal.getsignal(one) for one in signals]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    handle_signals()
    yield
    handle_signals()  # what was sent in a test stops no later one
    for one, handler in zip(signals, kept, strict=True):
        signal.signal(one, handler)


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_is_under_way_ends_although_the_exception_was_swallowed(sent: int, status: int):
    unless_stopped(None)
    with suppress(KeyboardInterrupt):  # as in a finalizer, where Python only prints it
        signal.raise_signal(sent)
    with pytest.raises(KeyboardInterrupt) as stopped:
        unless_stopped(None)
    assert exit_status(stopped.value) == status
    assert isinstance(stopped.value, Terminated) == (sent == signal.SIGTERM)


def test_what_stopped_a_run_stops_none_after_it():
    with pytest.raises(RuntimeError), stoppable():
        raise RuntimeError("the run failed")
    with pytest.raises(KeyboardInterrupt):
        unless_stopped(None)
    handle_signals()
    unless_stopped(None)


def test_ctrl_c_that_a_shell_has_ignored_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    handle_signals()
    signal.raise_signal(signal.SIGINT)
    unless_stopped(None)


ASLEEP = """
import os, signal, threading
from flows.interruption import handle_signals

handle_signals()
# Another thread is given the signal, as when this one is about to sleep when it comes.
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
def send():
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    os.kill(os.getpid(), signal.SIGINT)

threading.Timer(0.5, send).start()
threading.Event().wait()
"""


def test_a_main_thread_that_slept_as_the_signal_came_is_woken():
    asleep = subprocess.run([sys.executable, "-c", ASLEEP], capture_output=True, timeout=60)
    assert asleep.returncode == -signal.SIGINT, asleep.stderr


LOSING = """
from contextlib import suppress
from flows import interruption

real = interruption.interrupt

def lost(reason):
    with suppress(KeyboardInterrupt):
        real(reason)

interruption.interrupt = lost
from flows.cli import program
program()
"""


def test_a_run_with_two_stacks_ends_although_the_exception_was_swallowed(
    make_workspace: Callable[[str], Path], prefect_url: str
):
    folder = make_workspace("swallowed")
    arguments = ["run", "digits", *settings("stack.0.epochs=100000", "execution.workers=2")]
    run = subprocess.Popen(
        [sys.executable, "-c", LOSING, *arguments], cwd=folder, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PREFECT_API_URL": prefect_url},
    )  # fmt: skip
    assert run.stderr
    while "epoch" not in run.stderr.readline():
        assert run.poll() is None
    run.send_signal(signal.SIGINT)
    _, messages = run.communicate(timeout=60)
    assert run.returncode == 130
    assert messages.splitlines()[-1] == (
        "layerwise: Stopped. Run the same command again to continue."
    )
