"""Training that was stopped goes on from its checkpoint and ends as if it never had."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.config.level import LevelTraining
from pipeline.tracking.tracker import Tracker
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.loop import shuffled_batches
from pipeline.training.pretraining.pretrain import pretrain
from pipeline.training.progress import Progress

EPOCHS = 5
LEVELS = {
    "topk, masking, revival": {
        "sparsity": {"mechanism": "topk", "k": 4},
        "corruption": {"kind": "masking", "share": 0.4},
    },
    "batch_topk, gaussian": {
        "sparsity": {"mechanism": "batch_topk", "k": 4},
        "corruption": {"kind": "gaussian", "stddev": 0.2},
        "revive": False,
    },
    "lifetime, salt and pepper, standardised": {
        "sparsity": {"mechanism": "lifetime", "proportion": 0.1},
        "corruption": {"kind": "salt_and_pepper", "share": 0.2},
        "standardize": True,
    },
    "jumprelu, tied": {"sparsity": {"mechanism": "jumprelu"}, "tied": True},
}


class Stop(BaseException):
    pass


@pytest.fixture(scope="module")
def rows(digits) -> np.ndarray:
    return digits[0][:600]


def level_of(name: str) -> LevelTraining:
    return LevelTraining(units=24, epochs=EPOCHS, batch_size=64, **LEVELS[name])


def train(
    level: LevelTraining, rows: np.ndarray, checkpoint: Checkpoint | None, stop_after: int = 0
):
    """Weights, what each epoch reported, and metrics; ends after the epoch `stop_after`."""
    reported: list[tuple[int, float, dict[str, float]]] = []

    def watch(progress: Progress) -> None:
        if progress.metrics is not None:
            reported.append((progress.epoch, progress.loss, progress.metrics))
            if stop_after and progress.epoch > stop_after:
                raise Stop

    outcome = pretrain(level, rows[100:], rows[:100], 7, watch, checkpoint)
    return outcome.autoencoder.get_weights(), reported, outcome.metrics


@pytest.mark.parametrize("xla", [False, True])
@pytest.mark.parametrize("name", LEVELS)
def test_stopped_training_ends_with_the_same_weights_and_history(
    name, xla, rows, tmp_path, monkeypatch
):
    monkeypatch.setattr("pipeline.training.checkpoint.SHARE", 1.0)  # a checkpoint at every epoch
    monkeypatch.setattr("pipeline.training.pretraining.pretrain.trains_with_xla", lambda *_: xla)
    weights, reported, metrics = train(level_of(name), rows, None)
    with pytest.raises(Stop):
        train(level_of(name), rows, Checkpoint(tmp_path, "key"), stop_after=2)

    resumed = Checkpoint(tmp_path, "key")
    again = train(level_of(name), rows, resumed)

    assert again[1:] == (reported, metrics)
    for one, other in zip(weights, again[0], strict=True):
        np.testing.assert_array_equal(one, other)


def test_it_goes_on_where_it_was_and_not_from_the_start(rows, tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.training.checkpoint.SHARE", 1.0)
    level = level_of("jumprelu, tied")
    with pytest.raises(Stop):
        train(level, rows, Checkpoint(tmp_path, "key"), stop_after=2)
    assert len(Checkpoint(tmp_path, "key").load([]).history) == 3
    assert Checkpoint(tmp_path, "another key").load([]) == ([], [], 0)
    shuffled = []
    monkeypatch.setattr(
        "pipeline.training.batches.shuffled_batches",
        lambda *given: shuffled.append(given) or shuffled_batches(*given),
    )

    train(level, rows, Checkpoint(tmp_path, "key"))

    assert len(shuffled) == EPOCHS - 3


@pytest.mark.parametrize("damage", ["one byte", "truncated", "empty"])
def test_a_damaged_checkpoint_is_as_good_as_none(damage, rows, tmp_path):
    name = "topk, masking, revival"
    weights, *_ = train(level_of(name), rows, None)
    with pytest.raises(Stop):
        train(level_of(name), rows, Checkpoint(tmp_path, "key"), stop_after=2)
    (file,) = tmp_path.glob("key-*.npz")
    whole = file.read_bytes()
    file.write_bytes(
        {
            "one byte": whole[:500] + bytes([whole[500] ^ 1]) + whole[501:],
            "truncated": whole[:-50],
            "empty": b"",
        }[damage]
    )

    again, *_ = train(level_of(name), rows, Checkpoint(tmp_path, "key"))

    for one, other in zip(weights, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_disk_that_fails_stops_no_training(rows, tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    weights, *_ = train(level_of("jumprelu, tied"), rows, None)

    with_failing_disk, *_ = train(level_of("jumprelu, tied"), rows, Checkpoint(in_the_way, "key"))

    for one, other in zip(weights, with_failing_disk, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_checkpoint_that_is_removed_leaves_nothing(rows, tmp_path):
    checkpoint = Checkpoint(tmp_path, "key")
    train(level_of("jumprelu, tied"), rows, checkpoint)
    assert list(tmp_path.iterdir())
    checkpoint.remove()
    assert not list(tmp_path.iterdir())


# A process that is really killed

SCRIPT = """
import time
from pipeline.config.loading import check
from pipeline.stages.base import perform
from pipeline.stages.context import fail_run
from tests.pipeline.whole_runs import begin

level = {"units": 32, "sparsity": {"mechanism": "topk", "k": 8}, "epochs": 60, "batch_size": 64,
         "corruption": {"kind": "masking", "share": 0.3}}
config = check({"name": "killed", "stack": [level]})
context, plan = begin(config)

def watch(progress):
    if progress.metrics is not None:
        print(progress.epoch, flush=True)
        time.sleep(SLEEP)

level = perform(plan.level(0, 1, []), context, watch)
print("done", level.run_id, flush=True)
fail_run(context.run, RuntimeError())
"""


def start(sleep: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT.replace("SLEEP", str(sleep))],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> str:
    """The id of the run that did the work."""
    stdout, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    last = stdout.splitlines()[-1]
    assert last.startswith("done ")
    return last.split()[1]


def weights_and_curves(tracker: Tracker, run_id: str, folder: Path):
    file = tracker.artifact(run_id, "autoencoder.keras", folder)
    weights = keras.saving.load_model(file, compile=False).get_weights()
    names = ("loss", "explained_variance", "dead_fraction", "active_fraction")
    return weights, {name: tracker.history(run_id, name) for name in names}


def test_a_killed_run_ends_with_the_same_weights(at_home, tmp_path, monkeypatch):
    outcomes = []
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
        uri = at_home(tmp_path / name, monkeypatch)
        if name == "killed":
            process = start(sleep=0.05)
            assert process.stdout
            while process.stdout.readline().strip() != "30":
                assert process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert list(Path("mlruns/scratch/checkpoints").glob("*.npz"))
        began = time.monotonic()
        run_id = finished(start(sleep=0))
        assert time.monotonic() - began < 100
        tracker = Tracker(uri, "killed")
        folder = tmp_path / name / "out"
        folder.mkdir()
        outcomes.append(weights_and_curves(tracker, run_id, folder))
        assert not list(Path("mlruns/scratch/checkpoints").glob("*.npz"))
        assert [path.name for path in Path("mlruns/scratch").iterdir()] == ["checkpoints"]
        if name == "killed":
            runs = tracker.client.search_runs([tracker.experiment_id])
            assert "RUNNING" not in {run.info.status for run in runs}
            killed = [run for run in runs if run.info.status == "KILLED"]
            assert {run.data.tags["layerwise.stage"] for run in killed} == {"run", "pretrain"}
    (weights, curves), (again, curves_again) = outcomes
    for one, other in zip(weights, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert curves_again == curves
    assert len(curves["loss"]) == 60
