"""What a level sees of rows on disk: all of them, shuffled, a window at a time; and what it learns.

Digits here exceed the memory that they are given, so that they are read in five windows an epoch.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pipeline.config.level import LevelConfig
from pipeline.data.rows.aligned import aligned_empty
from pipeline.data.rows.streamed import StreamedRows, write_rows
from pipeline.training.batches import CHUNKS, Resident, Streamed, tensor_of, windows_of
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.pretraining.pretrain import pretrain
from pipeline.training.progress import Progress
from pipeline.training.stack import encode, encoded

BATCH = 20
MEMORY = CHUNKS * BATCH * 64 * 4 * 8
"""Bytes for windows of 16 chunks of one batch each."""


class Stop(BaseException):
    pass


@pytest.fixture
def on_disk(digits, tmp_path: Path) -> StreamedRows:
    np.save(tmp_path / "x.npy", digits[0])
    return StreamedRows(tmp_path / "x.npy", MEMORY)


@pytest.fixture
def numbered(tmp_path: Path) -> StreamedRows:
    """1,797 rows, each of 64 times its own number."""
    np.save(
        tmp_path / "numbers.npy", np.repeat(np.arange(1797, dtype="float32"), 64).reshape(-1, 64)
    )
    return StreamedRows(tmp_path / "numbers.npy", MEMORY)


def rows_seen(windows: Resident | Streamed, seed: int, first: int = 0) -> list[np.ndarray]:
    """The numbers of the rows of each window, in the order of its batches."""
    return [
        window.rows.numpy()[window.batches.ravel(), 0].astype(int)
        for window in windows.epoch(seed, first)
    ]


def test_an_epoch_sees_every_row_once_but_for_less_than_a_chunk(numbered):
    windows = windows_of(numbered, BATCH)
    assert isinstance(windows, Streamed)
    seen = np.concatenate(rows_seen(windows, seed=0))
    assert len(seen) == len(set(seen)) == 1780
    assert windows.steps == 1780 // BATCH


def test_no_row_is_left_out_in_every_epoch(numbered):
    windows = windows_of(numbered, BATCH)
    seen = {row for seed in range(200) for window in rows_seen(windows, seed) for row in window}
    assert len(seen) == 1797


def test_rows_of_a_window_come_from_many_places_and_are_shuffled(numbered):
    windows = windows_of(numbered, BATCH)
    first, *_, last = rows_seen(windows, seed=0)
    assert len(first) == CHUNKS * BATCH == windows.window_steps * BATCH
    assert len(last) == 1780 - 5 * CHUNKS * BATCH
    assert first.max() - first.min() > 1200
    neighbours = sum(abs(one - other) == 1 for one, other in pairwise(first))
    assert neighbours < 10


def test_epochs_differ_and_a_seed_repeats_them(numbered):
    windows = windows_of(numbered, BATCH)
    one, other, again = (np.concatenate(rows_seen(windows, seed)) for seed in (0, 1, 0))
    assert (one != other).any()
    np.testing.assert_array_equal(one, again)


def test_an_epoch_can_be_taken_up_at_any_window(numbered):
    windows = windows_of(numbered, BATCH)
    whole = rows_seen(windows, seed=3)
    for first in range(len(whole)):
        rest = rows_seen(windows, 3, first)
        for one, other in zip(rest, whole[first:], strict=True):
            np.testing.assert_array_equal(one, other)


def test_no_more_than_two_windows_are_read_before_the_first_is_used(numbered, monkeypatch):
    read = []
    get = StreamedRows.__getitem__
    monkeypatch.setattr(
        StreamedRows, "__getitem__", lambda rows, index: read.append(index) or get(rows, index)
    )
    for number, _ in enumerate(windows_of(numbered, BATCH).epoch(0), 1):
        assert len(read) <= (number + 1) * CHUNKS


def test_rows_fewer_than_a_chunk_are_one_window(numbered):
    few = numbered.at(np.arange(50))
    windows = windows_of(few, BATCH)
    seen = rows_seen(windows, seed=0)
    assert [len(window) for window in seen] == [40]
    assert windows.steps == 2


def level(**settings) -> LevelConfig:
    return LevelConfig(units=48, epochs=6, batch_size=BATCH, **settings)


LEVELS = {
    "topk, masking, revival": {
        "sparsity": {"mechanism": "topk", "k": 12},
        "corruption": {"kind": "masking", "share": 0.3},
    },
    "batch_topk, standardised": {
        "sparsity": {"mechanism": "batch_topk", "k": 12},
        "standardize": True,
    },
}


@pytest.mark.parametrize("name", LEVELS)
def test_a_level_learns_as_much_from_rows_on_disk(name, digits, on_disk):
    metrics = [
        pretrain(level(**LEVELS[name]), rows, digits[0][:200], 7, lambda _: None).metrics
        for rows in (digits[0], on_disk)
    ]
    in_memory, streamed = (found["explained_variance"] for found in metrics)
    assert in_memory > 0.6
    assert streamed == pytest.approx(in_memory, abs=0.02)


@pytest.mark.parametrize("name", LEVELS)
def test_training_stopped_within_an_epoch_ends_with_the_same_weights(
    name, digits, on_disk, tmp_path, monkeypatch
):
    monkeypatch.setattr("pipeline.training.checkpoint.SHARE", 1.0)

    def train(checkpoint: Checkpoint | None, stop_at: int = 10**9):
        reported = []

        def watch(progress: Progress) -> None:
            if progress.metrics:
                reported.append((progress.epoch, progress.loss, progress.metrics))
            if progress.done >= stop_at:
                raise Stop

        outcome = pretrain(level(**LEVELS[name]), on_disk, digits[0][:200], 7, watch, checkpoint)
        return outcome.autoencoder.get_weights(), reported

    weights, reported = train(None)
    with pytest.raises(Stop):
        train(Checkpoint(tmp_path, "key"), stop_at=89 + 4 * 16)  # in the second epoch
    resumed = Checkpoint(tmp_path, "key")
    state = resumed.load([])
    assert (len(state.history), state.step) == (1, 3 * 16)

    again, reported_again = train(Checkpoint(tmp_path, "key"))

    assert reported_again == reported
    for one, other in zip(weights, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_codes_on_disk_are_the_codes(digits, on_disk, tmp_path):
    autoencoder = pretrain(level(), digits[0], digits[0][:200], 7, lambda _: None).autoencoder
    write_rows(tmp_path / "codes.npy", encoded(autoencoder, on_disk))
    np.testing.assert_array_equal(
        StreamedRows(tmp_path / "codes.npy", MEMORY)[:], encode(autoencoder, digits[0])
    )


def test_aligned_rows_are_the_tensor_and_others_are_copied():
    rows = aligned_empty((5, 3), np.dtype(np.float32))
    rows[:] = 1
    shared = tensor_of(rows)
    rows[0, 0] = 7
    assert shared.numpy()[0, 0] == 7
    fixed = rows.copy()
    fixed.setflags(write=False)
    for other in (rows[1:], rows.T, fixed):
        before = other.copy()
        copied = tensor_of(other)
        rows[:] += 1
        np.testing.assert_array_equal(copied, before)


def test_rows_read_from_disk_need_no_copy(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((50, 3), "float32"))
    rows = StreamedRows(tmp_path / "x.npy", 2**20)[:]
    tensor = tensor_of(rows)
    rows[:] = 2
    assert tensor.numpy().min() == 2
