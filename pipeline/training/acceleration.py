"""Whether XLA makes training faster: measured once for a shape on a machine, remembered.

It may, by a third and more, where batches are small; products alone may take longer with it, most
of all in bfloat16 (docs/decisions/2-training-a-level.md). It adds in another order than TensorFlow,
so that the last digits depend on the choice, and a choice that cannot be remembered is not made:
same seed, same result.
"""

import json
import os
import platform
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline.cores import cores
from pipeline.files import atomic_write, text_digest
from pipeline.training.loop import Trainer
from pipeline.training.turns import TURNS

REPEATS = 3
LEAST_GAIN = 1.05
"""XLA must be this many times as fast, for a choice on a knife's edge would be one by chance."""

_ONE_AT_A_TIME = threading.Lock()
"""Threads that ask for the same shape at the same time measure it once."""

TrainerOf = Callable[[bool], Trainer]
"""Makes a trainer, with XLA or without."""


def faster_with_xla(
    shape: Any, trainer_of: TrainerOf, batches: np.ndarray, *arrays: np.ndarray
) -> bool:
    """Whether steps are faster with XLA.

    `shape` is all that the speed depends on but the machine, in terms of JSON. To measure, the
    trainers are made and run on these batches (steps, batch size) of the arrays.
    """
    known = [shape, cores(), tf.__version__, _processors()]
    file = _folder() / f"{text_digest(json.dumps(known, sort_keys=True))}.json"
    try:
        with _ONE_AT_A_TIME:
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                _remember(file, _gain(trainer_of, batches, arrays))
        return json.loads(file.read_text())["gain"] >= LEAST_GAIN
    except OSError:
        return False


def _folder() -> Path:
    """Where this user's programs keep what they can make again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "layerwise" / "xla"


def _processors() -> list[str]:
    """What computes: the processor with what it can do, and the GPUs."""
    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", "") for gpu in gpus]
    description = Path("/proc/cpuinfo")
    if not description.exists():
        return [platform.processor(), *names]
    kinds = {
        line for line in description.read_text().splitlines() if line[:5] in ("model", "flags")
    }
    return [*sorted(kinds), *names]


def _gain(trainer_of: TrainerOf, batches: np.ndarray, arrays: tuple[np.ndarray, ...]) -> float:
    """How many times as fast steps are as without XLA; the best of a few repeats of each."""
    trainers = [trainer_of(xla) for xla in (False, True)]
    resident = [tf.constant(array) for array in arrays]

    def seconds(trainer: Trainer) -> float:
        began = time.perf_counter()
        trainer.run(batches, np.zeros((len(batches), len(trainer.groups))), *resident)
        return time.perf_counter() - began

    for trainer in trainers:
        seconds(trainer)  # compiles
    with TURNS.measuring():
        plain, compiled = zip(*[map(seconds, trainers) for _ in range(REPEATS)], strict=True)
    return min(plain) / min(compiled)


def _remember(file: Path, gain: float) -> None:
    """Unless another process, which measured at the same time, was first: all choose alike."""
    with suppress(FileExistsError), atomic_write(file, replace=False) as written:
        written.write_text(json.dumps({"gain": gain}))
