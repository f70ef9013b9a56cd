"""Prefect's server for one run: started at once, needed when the flow begins, gone afterwards."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from prefect.context import refresh_global_settings_context
from prefect.settings import (
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_LOGGING_TO_API_ENABLED,
    get_current_settings,
    temporary_settings,
)

from flows.server.loopback import HOST, prefect_command, prefect_environment

START_SECONDS = 180
"""The first start migrates the server's database, which takes a while on busy cores."""
_SIGNAL_WHEN_PARENT_ENDS = 1  # PR_SET_PDEATHSIG of Linux's prctl


@contextmanager
def prefect_server() -> Iterator[Callable[[], None]]:
    """A server of this run's own, unless one is configured; what it gives waits until it is ready.

    It boots in a process beside ours, while ours imports TensorFlow and reads the rows. Ctrl-C is
    for us alone: the server must outlive the flow that ends. If we are killed, it ends too (on
    Linux); if it dies, another takes its place, for which Prefect's client waits. Raises
    `RuntimeError` while waiting when it does not come up.
    """
    if get_current_settings().api.url:
        yield lambda: None
        return
    server = _Server(_free_port())
    os.environ["PREFECT_API_URL"] = server.api
    refresh_global_settings_context()
    try:
        # Nobody watches a server of our own for heartbeats, and ending them takes a second a flow;
        # nor does anybody see its pages.
        unwatched = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None, PREFECT_LOGGING_TO_API_ENABLED: False}
        with temporary_settings(unwatched):
            yield server.wait_until_ready
    finally:
        del os.environ["PREFECT_API_URL"]
        refresh_global_settings_context()
        server.end()


class _Server:
    """The server's process, at one address whatever happens to it."""

    def __init__(self, port: int):
        self._port = port
        self.api = f"http://{HOST}:{port}/api"
        self._ended = threading.Event()
        self._ready = threading.Event()
        self._process = self._start()
        threading.Thread(target=self._replace_when_dead, daemon=True).start()
        threading.Thread(target=self._wake, daemon=True).start()

    def wait_until_ready(self) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            try:
                # What Prefect's client asks first; the first answer takes the server half a second.
                with urllib.request.urlopen(f"{self.api}/admin/version", timeout=5):
                    self._ready.set()
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(
            "Prefect's server did not start. See why: `prefect server start`, or set "
            "PREFECT_API_URL to one that runs."
        )

    def _wake(self) -> None:
        """Have its first answer behind us when we need it: until then we import for a while."""
        with suppress(RuntimeError):  # whoever waits for it says so
            self.wait_until_ready()

    def end(self) -> None:
        self._ended.set()
        self._process.terminate()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            prefect_command(self._port),
            env=os.environ | prefect_environment(self._port) | {"PREFECT_UI_ENABLED": "0"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )

    def _replace_when_dead(self) -> None:
        self._process.wait()
        # One that never was ready would not become so; whoever waits for it says so.
        while self._ready.is_set() and not self._ended.is_set():
            self._process = self._start()
            self._process.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((HOST, 0))
        return found.getsockname()[1]


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_SIGNAL_WHEN_PARENT_ENDS, signal.SIGTERM)
