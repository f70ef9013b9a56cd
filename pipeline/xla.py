"""Whether XLA makes training a level faster: measured once for a shape on a machine, remembered.

On a processor with AVX2 it may, by up to a third; on one with AVX-512 it may cost as much
(docs/decisions/2-training-a-level.md). It adds in another order than TensorFlow, so that the last
digits depend on the choice, and a choice that cannot be remembered is not made: same seed, same
result.
"""

import json
import os
import platform
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipeline.config import LevelConfig
from pipeline.cores import cores
from pipeline.data.streamed import Rows
from pipeline.engine import Trainer, shuffled_batches, steps_together
from pipeline.keys import text_digest
from pipeline.level import build_autoencoder, trainer_of

WORTH_MEASURING = 8e11
"""Floating-point operations of a level's products, some fifteen seconds of two cores. XLA compiles
for two seconds, which smaller levels hardly win back."""
REPEATS = 3
LEAST_GAIN = 1.05
"""XLA must be so many times as fast, for a choice on a knife's edge would be one by chance."""


def faster_with_xla(level: LevelConfig, rows: Rows, steps: int) -> bool:
    """Whether a level that trains on rows (rows, features) for so many steps is faster with XLA.

    Of a level too small for the measuring to be worth it the answer is no.
    """
    batch_size = min(level.batch_size, len(rows))
    # Two products forward and three backward, each of batch x features x units multiplications.
    if steps * batch_size * 10.0 * rows.shape[1] * level.units < WORTH_MEASURING:
        return False
    file = _folder() / f"{_digest(level, rows.shape[1], batch_size)}.json"
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            _remember(file, _gain(level, rows, batch_size))
        return json.loads(file.read_text())["gain"] >= LEAST_GAIN
    except OSError:
        return False


def _folder() -> Path:
    """Where this user's programs keep what they can make again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "layerwise" / "xla"


def _digest(level: LevelConfig, features: int, batch_size: int) -> str:
    """Of all that the speed depends on."""
    shape = level.model_dump(
        mode="json", exclude={"epochs", "min_steps", "learning_rate", "batch_size", "retry"}
    )
    parts = [shape, features, batch_size, cores(), tf.__version__, _processors()]
    return text_digest(json.dumps(parts, sort_keys=True))


def _processors() -> list[str]:
    """What computes: the processor with what it can do, and the GPUs."""
    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", "") for gpu in gpus]
    told = Path("/proc/cpuinfo")
    if not told.exists():
        return [platform.processor(), *names]
    kinds = {line for line in told.read_text().splitlines() if line[:5] in ("model", "flags")}
    return [*sorted(kinds), *names]


def _gain(level: LevelConfig, rows: Rows, batch_size: int) -> float:
    """How many times as fast as without XLA the level trains; the best of a few repeats of each."""
    steps = steps_together(batch_size, [tf.TensorSpec((None, rows.shape[1]), tf.float32)])
    sample = rows[: steps * batch_size]
    resident = tf.constant(sample)
    batches = shuffled_batches(len(sample), batch_size, seed=0)
    rates = np.full((len(batches), 1), level.learning_rate)
    trainers = [
        trainer_of(build_autoencoder(level, sample, seed=0), batch_size, xla)
        for xla in (False, True)
    ]

    def seconds(trainer: Trainer) -> float:
        began = time.perf_counter()
        trainer.run(batches, rates, resident)
        return time.perf_counter() - began

    for trainer in trainers:
        seconds(trainer)  # compiles
    plain, compiled = zip(*[map(seconds, trainers) for _ in range(REPEATS)], strict=True)
    return min(plain) / min(compiled)


def _remember(file: Path, gain: float) -> None:
    """Unless another process, which measured at the same time, was first: all choose alike."""
    with tempfile.NamedTemporaryFile("w", dir=file.parent) as aside:
        json.dump({"gain": gain}, aside)
        aside.flush()
        with suppress(FileExistsError):
            os.link(aside.name, file)
