"""How fast work goes and how long it takes is told of what is done now, not of what was before."""

import re
import time
from pathlib import Path

import numpy as np
import pytest

from flows.progress import Report, Tally, Watcher
from pipeline.config.level import LevelTraining
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.pretraining.pretrain import pretrain
from pipeline.training.progress import Progress

EPOCHS = 60
EPOCH_SECONDS = 0.1
LEFT = re.compile(r"([\d,]+) rows/s, (\d):(\d\d):(\d\d) left")


class Kept:
    """A display that keeps what it is shown."""

    def __init__(self) -> None:
        self.reports: list[Report] = []

    def show(self, report: Report) -> None:
        self.reports.append(report)

    def finish(self, text: str) -> None:
        pass


class Stop(BaseException):
    pass


def train(watch: Watcher, folder: Path, stop_after: int = EPOCHS) -> None:
    """Epochs of a tenth of a second."""

    def slow(progress: Progress) -> None:
        watch(progress)
        if progress.metrics is not None and progress.done > progress.restored:
            time.sleep(EPOCH_SECONDS)
            if progress.epoch > stop_after:
                raise Stop

    rows = np.random.default_rng(0).random((320, 16), "float32")
    level = LevelTraining(units=8, epochs=EPOCHS, batch_size=32)
    pretrain(level, rows, rows[:50], 0, slow, Checkpoint(folder, "key"))


def test_a_resumed_level_tells_the_time_that_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pipeline.training.checkpoint.SHARE", 1.0)  # a checkpoint at every epoch
    monkeypatch.setattr("flows.progress.RATE_SECONDS", 0.5)
    with pytest.raises(Stop):
        train(Watcher([]), tmp_path, stop_after=20)

    shown = Kept()
    train(Watcher([shown]), tmp_path)

    assert shown.reports[0].done > 20 * 10  # steps: it goes on where it was
    first = next(report for report in shown.reports if "left" in report.text)
    rate, _, minutes, seconds = LEFT.search(first.text).groups()
    left = (first.total - first.done) / 10 * EPOCH_SECONDS
    assert left * 0.5 < int(minutes) * 60 + int(seconds) < left * 4 + 2
    assert 320 / EPOCH_SECONDS / 4 < float(rate.replace(",", "")) <= 320 / EPOCH_SECONDS


def test_training_that_goes_back_an_epoch_is_measured_anew(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("flows.progress.RATE_SECONDS", 0.0)
    shown = Kept()
    watch = Watcher([shown])
    for done in (100, 200, 100, 200):
        time.sleep(0.01)
        watch(Progress(done, 400, done, 1.0, 1, 4, None))
    rates = [
        int(found[1].replace(",", "")) for r in shown.reports if (found := LEFT.search(r.text))
    ]
    assert rates and all(0 < rate < 100 / 0.01 for rate in rates)


def test_cached_trials_take_no_time():
    shown = Kept()
    tally = Tally(12, [shown])
    for _ in range(8):
        tally.count("cached", cached=True)
    assert "left" not in shown.reports[-1].text
    time.sleep(1.2)
    tally.count("computed", cached=False)
    assert shown.reports[-1].text in ("9/12 computed, 0:00:04 left", "9/12 computed, 0:00:05 left")
