"""Prefect's server for one run: started at once, needed only when the flow begins, gone with us."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prefect.context import refresh_global_settings_context
from prefect.settings import get_current_settings

from flows.loopback import HOST, prefect_command, prefect_environment

START_SECONDS = 180
"""The first start migrates the server's database, which takes a while on busy cores."""
_SIGNAL_WHEN_PARENT_ENDS = 1  # PR_SET_PDEATHSIG of Linux's prctl


@contextmanager
def prefect_server() -> Iterator[Callable[[], None]]:
    """A server of this run's own, unless one is configured; what it gives waits until it is ready.

    It boots in a process beside ours, while ours imports TensorFlow and reads the rows. Ctrl-C is
    for us alone: the server must outlive the flow that ends. If we are killed, it ends too (on
    Linux). Raises `RuntimeError` while waiting when it does not come up.
    """
    if get_current_settings().api.url:
        yield lambda: None
        return
    port = _free_port()
    server = subprocess.Popen(
        prefect_command(port),
        env=os.environ | prefect_environment(port) | {"PREFECT_UI_ENABLED": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,
    )
    os.environ["PREFECT_API_URL"] = f"http://{HOST}:{port}/api"
    refresh_global_settings_context()
    try:
        yield lambda: _wait(server, port)
    finally:
        del os.environ["PREFECT_API_URL"]
        refresh_global_settings_context()
        server.terminate()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((HOST, 0))
        return found.getsockname()[1]


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_SIGNAL_WHEN_PARENT_ENDS, signal.SIGTERM)


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/api/health", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(
        "Prefect's server did not start. See why: `prefect server start`, or set PREFECT_API_URL "
        "to one that runs."
    )
