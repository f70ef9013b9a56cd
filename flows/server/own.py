"""Prefect's server for one run: started at once, needed when the flow begins, gone afterwards."""

import os
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prefect.context import refresh_global_settings_context
from prefect.logging.handlers import APILogHandler
from prefect.settings import (
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    get_current_settings,
    temporary_settings,
)

from flows.server.loopback import HOST, prefect_command, prefect_environment
from flows.server.process import last_lines, start_server
from pipeline.errors import InputError

START_SECONDS = 180
"""The first start migrates the server's database, which takes a while on busy cores."""


@contextmanager
def prefect_server() -> Iterator[Callable[[], None]]:
    """A server of this run's own, unless one is configured; what it gives waits until it is ready.

    It boots in a process beside ours, while ours imports TensorFlow and reads the rows. Ctrl-C is
    for us alone: the server must outlive the flow that ends. If we are killed, it ends too (on
    Linux); if it dies, another takes its place, for which Prefect's client waits. Raises
    `RuntimeError` while waiting when it does not come up, `InputError` when the configured one does
    not answer.
    """
    if configured := get_current_settings().api.url:
        from flows.server.configured import check_prefect

        check_prefect(configured)
        yield lambda: None
        return
    _check_home(get_current_settings().home)
    server = _Server(_free_port())
    os.environ |= {"PREFECT_API_URL": server.api} | _credentials()
    refresh_global_settings_context()
    try:
        # Nobody watches a server of our own for heartbeats, and ending them takes a second a flow.
        with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
            yield server.wait_until_ready
    finally:
        APILogHandler().flush()  # the log is read later, in `layerwise ui`
        del os.environ["PREFECT_API_URL"]
        refresh_global_settings_context()
        server.end()


class _Server:
    """The server's process, at one address whatever happens to it."""

    def __init__(self, port: int):
        self._port = port
        self.api = f"http://{HOST}:{port}/api"
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the server runs
        self._ended = threading.Event()
        self._ready = threading.Event()
        self._process = self._start()
        threading.Thread(target=self._replace_when_dead, daemon=True).start()
        # Have its first answer behind us when we need it: until then we import for a while.
        threading.Thread(target=self._comes_up, daemon=True).start()

    def wait_until_ready(self) -> None:
        if not self._comes_up():
            raise RuntimeError(
                "Prefect's server did not start. What it wrote last:\n"
                f"{last_lines(self._errors)}\n"
                "Mend that, or set PREFECT_API_URL to a server that runs."
            )

    def _comes_up(self) -> bool:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            try:
                # What Prefect's client asks first; the first answer takes the server half a second.
                with urllib.request.urlopen(f"{self.api}/admin/version", timeout=5):
                    self._ready.set()
                    return True
            except urllib.error.HTTPError:  # it answers, be it that it wants a password
                self._ready.set()
                return True
            except OSError:
                time.sleep(0.1)
        return False

    def end(self) -> None:
        self._ended.set()
        self._process.terminate()

    def _start(self) -> subprocess.Popen[bytes]:
        settings = {"PREFECT_UI_ENABLED": "0", "PREFECT_SERVER_LOGGING_LEVEL": "ERROR"}
        return start_server(
            prefect_command(self._port), prefect_environment(self._port) | settings, self._errors
        )

    def _replace_when_dead(self) -> None:
        self._process.wait()
        # One that never was ready would not become so; whoever waits for it says so.
        while self._ready.is_set() and not self._ended.is_set():
            self._process = self._start()
            self._process.wait()


def _check_home(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        writable = os.access(home, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        raise InputError(
            f"Prefect keeps its database in {home}, which cannot be written. Set PREFECT_HOME to a "
            "folder that can."
        )


def _credentials() -> dict[str, str]:
    """What the client must say where settings have the server ask for a password."""
    asked = get_current_settings().server.api.auth_string
    return {"PREFECT_API_AUTH_STRING": asked.get_secret_value()} if asked else {}


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((HOST, 0))
        return found.getsockname()[1]
