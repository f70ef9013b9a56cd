"""Work that the interpreter is spared: garbage collection in imports, taking all apart at the end.

Modules make many objects and hardly any garbage, and with TensorFlow, Prefect and MLflow imported
the end of a process would take seconds (`python -m benchmarks.speed.startup`).
"""

import atexit
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """While modules are imported. What is there afterwards is left alone by later collections."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def leave_at_once_after(command: Callable[[], object]) -> None:
    """Run a command; when threads have ended and all else is cleared up, let the process end.

    What is registered first is called last at exit, so that this must come before any import that
    registers something.
    """
    status = 1

    def leave() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

    atexit.register(leave)
    try:
        command()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise
    except KeyboardInterrupt:
        status = 130
        raise
