"""How far the work is, how fast it goes and how long it will take, for all who show that."""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple, Protocol

from pipeline.training.progress import Progress

RATE_SECONDS = 2.0


class Report(NamedTuple):
    """How far one piece of work is."""

    done: int
    total: int
    text: str
    """With the time left, where it is known."""


class Display(Protocol):
    """What shows one piece of work, from its first report on: a bar, lines, a page."""

    def show(self, report: Report) -> None:
        """Show how far it is; called often, so that most calls must cost nothing."""

    def finish(self, text: str) -> None:
        """Show what came of it."""


class Watcher:
    """Tells of a stage that trains: epoch, loss, active fraction, rows a second, time left."""

    def __init__(self, displays: Sequence[Display]):
        self._displays = displays
        self._began = time.monotonic()
        self._active = ""
        self._mark: tuple[float, int] | None = None
        self._rate: float | None = None

    def __call__(self, progress: Progress) -> None:
        """Pass on one report."""
        if progress.metrics and "active_fraction" in progress.metrics:
            self._active = f" active {progress.metrics['active_fraction']:.3f}"
        if progress.done == progress.restored:  # an epoch that a checkpoint had
            return
        text = f"epoch {progress.epoch}/{progress.epochs} loss {progress.loss:.4f}{self._active}"
        self._measure(progress.done - progress.restored)
        if self._rate:
            rows = progress.rows / progress.done
            left = (progress.total - progress.done) / self._rate
            text += f" {self._rate * rows:,.0f} rows/s, {_duration(left)} left"
        for display in self._displays:
            display.show(Report(progress.done, progress.total, text))

    def _measure(self, steps: int) -> None:
        """Measure steps a second every other second.

        From the first report of steps done here: before it, restoring and compiling took time.
        Where training goes back to the last good epoch, measuring begins anew.
        """
        now = time.monotonic()
        if not self._mark or steps < self._mark[1]:
            self._mark = (now, steps) if steps else None
        elif now - self._mark[0] > RATE_SECONDS:
            self._rate = (steps - self._mark[1]) / (now - self._mark[0])
            self._mark = (now, steps)

    def finish(self, text: str) -> None:
        """Tell what came of it."""
        seconds = time.monotonic() - self._began
        for display in self._displays:
            display.finish(f"{text}, {seconds:.1f} s")


class RowCount:
    """Tells of work that goes through rows once: how many are done, rows a second, time left."""

    def __init__(self, displays: Sequence[Display]):
        self._displays = displays
        self._began = time.monotonic()
        self._first = 0.0

    def __call__(self, done: int, total: int) -> None:
        """So many are done; first it is told that none is."""
        now = time.monotonic()
        if not done:
            self._first = now
            return
        rate = done / max(now - self._first, 1e-9)
        left = _duration((total - done) / rate)
        text = f"{done:,} of {total:,} rows, {rate:,.0f} rows/s, {left} left"
        for display in self._displays:
            display.show(Report(done, total, text))

    def told(self, rows: int) -> str:
        """How long all of it took, what came before the first row included."""
        seconds = time.monotonic() - self._began
        return f"{seconds:.1f} s, {rows / seconds:,.0f} rows/s"


class Tally:
    """Counts trials; those that were cached took no time."""

    def __init__(self, total: int, displays: Sequence[Display]):
        self._total = total
        self._displays = displays
        self._began = self._last = time.monotonic()
        self._done = self._computed = 0
        self._seconds = 0.0

    def count(self, text: str, cached: bool) -> None:
        """One more trial is done."""
        now = time.monotonic()
        self._done += 1
        if not cached:
            self._computed += 1
            self._seconds += now - self._last
        self._last = now
        text = f"{self._done}/{self._total} {text}"
        if self._computed:
            left = self._seconds / self._computed * (self._total - self._done)
            text += f", {_duration(left)} left"
        for display in self._displays:
            display.show(Report(self._done, self._total, text))

    def finish(self) -> None:
        """No more are done."""
        seconds = time.monotonic() - self._began
        for display in self._displays:
            display.finish(f"{self._done} trials, {seconds:.1f} s")


def _duration(seconds: float) -> str:
    """Hours, minutes and seconds."""
    return str(timedelta(seconds=round(seconds)))
