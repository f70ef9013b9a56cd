"""TensorFlow and what is written on it: imported when it is needed, quietly and once."""

import os
import sys
import threading
from collections.abc import Sequence
from importlib import import_module

from pipeline.cores import cores
from pipeline.native_output import native_output_hidden

_importing = threading.Lock()


def set_tensorflow_environment() -> None:
    """What must hold before TensorFlow is imported; a user's own settings win where they can."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    # By itself TensorFlow counts the machine's cores, of which a container may have few.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(cores()))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def import_quietly(modules: Sequence[str]) -> None:
    """Import modules that need TensorFlow, with what it says meanwhile hidden."""
    with _importing:
        # Not each time: while it is hidden, other threads' lines of progress would be lost.
        if any(module not in sys.modules for module in modules):
            with native_output_hidden():
                for module in modules:
                    import_module(module)
                _compute_in_float32()


def _compute_in_float32() -> None:
    """Whatever a user's `keras.json` says."""
    import keras

    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
