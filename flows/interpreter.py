"""Work that the interpreter is spared: imports for nothing, garbage collection, taking all apart.

Modules make many objects and hardly any garbage, and with TensorFlow, Prefect and MLflow imported
the end of a process would take seconds (`python -m benchmarks.speed.startup`).
"""

import atexit
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.native_output import native_output_hidden

EXTRAS = ("jax", "matplotlib", "sklearn")


@contextmanager
def collector_paused() -> Iterator[None]:
    """While modules are imported. What is there afterwards is left alone by later collections."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def import_tensorflow() -> None:
    """Import TensorFlow, and Keras with it, quietly and without what they offer for other packages.

    Keras wraps scikit-learn's models and draws with matplotlib, TensorFlow converts JAX's, each
    where it finds them. Nothing here uses that, and it is a third of the time. What comes later
    imports those packages as ever.
    """
    unused = [name for name in EXTRAS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(unused))  # type: ignore[arg-type]  # Python: not to be found
    try:
        with native_output_hidden():
            import tensorflow  # noqa: F401
    finally:
        for name in unused:
            del sys.modules[name]


def leave_at_once_after(command: Callable[[], object]) -> None:
    """Run a command; when threads have ended and all else is cleared up, let the process end.

    What is registered first is called last at exit, so that this must come before any import that
    registers something.
    """
    status = 1

    def leave() -> None:
        for stream in filter(None, (sys.stdout, sys.stderr)):  # one that is closed is None
            stream.flush()
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
