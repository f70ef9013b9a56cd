"""A server's process: it ends with ours, however ours ends, and what it wrote last is kept."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

LAST_LINES = 6
"""So many of a server that ends early: the cause stands a few lines above the last one."""
_SIGNAL_WHEN_PARENT_ENDS = 1  # PR_SET_PDEATHSIG of Linux's prctl


def start_server(
    command: Sequence[str | Path], environment: Mapping[str, str], errors: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start it in a session of its own, so that Ctrl-C is for us alone, and we end it.

    If we are killed it ends too (on Linux).
    """
    return subprocess.Popen(
        command,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # every request that it answers
        stderr=errors,
        start_new_session=True,
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,
    )


def last_lines(errors: IO[bytes]) -> str:
    """What the server wrote last."""
    errors.seek(0)
    lines = errors.read().decode(errors="replace").splitlines()
    return "\n".join([line for line in lines if line.strip()][-LAST_LINES:]) or "(nothing)"


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_SIGNAL_WHEN_PARENT_ENDS, signal.SIGTERM)
