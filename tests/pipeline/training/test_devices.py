"""A level on several devices: two of TensorFlow's own making stand for two GPUs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.config.loading import check
from pipeline.errors import InputError
from pipeline.training.devices import distribution_scope

SCRIPT = """
import json, sys
from contextlib import nullcontext
from pathlib import Path
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from pipeline.training import checkpoint
from pipeline.training.checkpoint import Checkpoint
from pipeline.config.level import LevelConfig
from pipeline.training.pretraining.pretrain import pretrain

rows = (load_digits().data[:1000] / 16).astype("float32")

checkpoint.SHARE = 1.0  # one after each epoch, however slow the disk is

class Killed(Exception):
    pass

def trained(level, together, watch=lambda _: None, checkpoint=None):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]) if together else None
    with strategy.scope() if strategy else nullcontext():
        result = pretrain(level, rows[:900], rows[900:], 0, watch, checkpoint)
        if strategy:
            kernel = result.autoencoder.encoder.kernel.value
            copies = [copy.numpy() for copy in strategy.experimental_local_results(kernel)]
            assert len(copies) == 2 and (copies[0] == copies[1]).all()
    return result.autoencoder.get_weights()

def kill(progress):
    if progress.epoch == 2:
        raise Killed

def furthest(some, others):
    return max(float(np.abs(a - b).max()) for a, b in zip(some, others, strict=True))

for name, settings in json.loads(sys.argv[1]).items():
    level = LevelConfig(units=32, epochs=3, batch_size=65, **settings)
    one, two = trained(level, False), trained(level, True)
    try:
        trained(level, True, kill, Checkpoint(Path(sys.argv[2]), name))
    except Killed:
        pass
    resumed = Checkpoint(Path(sys.argv[2]), name)
    again = trained(level, True, checkpoint=resumed)
    print(json.dumps([name, furthest(one, two), furthest(two, again), resumed.resumed]))
"""

LEVELS = {
    "topk": {
        "sparsity": {"mechanism": "topk", "k": 8},
        "corruption": {"kind": "masking", "share": 0.3},
    },
    "batch_topk": {"sparsity": {"mechanism": "batch_topk", "k": 8}},
}


class Found(NamedTuple):
    """Of one level: how far apart weights are, and how many epochs were done before the kill."""

    of_one_and_two: float
    of_a_run_and_a_killed_one: float
    epochs: int


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, Found]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(LEVELS), tmp_path_factory.mktemp("checkpoints")],
        cwd=Path(__file__).parents[3], capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    return {name: Found(*values) for name, *values in lines}


def test_two_devices_train_the_weights_that_one_trains_noise_included(found):
    assert found["topk"].of_one_and_two < 1e-5


@pytest.mark.parametrize("level", LEVELS)
def test_killed_on_two_devices_training_ends_with_the_same_weights(level, found):
    assert found[level][1:] == (0.0, 2)


def test_more_gpus_than_there_are_are_refused():
    with pytest.raises(InputError, match=r"execution.gpus = 99: .* Set it to 1"):
        distribution_scope(99)


def test_one_gpu_is_what_tensorflow_chooses():
    with distribution_scope(1) as scope:
        assert scope is None


def test_batches_smaller_than_the_gpus_are_refused():
    with pytest.raises(InputError, match=r"stack.0.batch_size .* Given: 2 and 3"):
        check({"stack": [{"units": 8, "batch_size": 2}], "execution": {"gpus": 3}})
