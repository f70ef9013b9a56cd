"""What the terminal shows of long work: bars, or plain lines where the output is no terminal."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from pipeline.training.progress import Progress

LINE_SECONDS = 5.0
RATE_SECONDS = 2.0

# Names are printed as they are: nothing in them is markup.
console = Console(stderr=True, highlight=False, markup=False)
output = Console(highlight=False, markup=False, soft_wrap=True)
"""For results; `console` is for what happens meanwhile."""


class Watcher:
    """Shows what one stage reports: epoch, loss, active fraction, rows a second, time left."""

    def __init__(self, stage: str, bars: Bars | None):
        self._stage = stage
        self._bars = bars
        self._bar: TaskID | None = None
        self._began = time.monotonic()
        self._last_line = self._began
        self._active = ""
        self._mark = (self._began, 0)
        self._rate = 0.0

    def __call__(self, progress: Progress) -> None:
        """Show one report."""
        now = time.monotonic()
        self._measure(now, progress.rows)
        if progress.metrics and "active_fraction" in progress.metrics:
            self._active = f" active {progress.metrics['active_fraction']:.3f}"
        text = (
            f"epoch {progress.epoch}/{progress.epochs} loss {progress.loss:.4f}{self._active} "
            f"{self._rate:,.0f} rows/s"
        )
        if self._bars:
            if self._bar is None:
                self._bar = self._bars.add_task(self._stage, total=progress.total, text="")
            self._bars.update(self._bar, completed=progress.done, text=text)
        elif now - self._last_line >= LINE_SECONDS and progress.done < progress.total:
            self._last_line = now
            rows_left = progress.rows * (progress.total - progress.done) / progress.done
            left = rows_left / max(self._rate, 1e-9)
            console.print(f"{self._stage}: {text}, {left:.0f} s left", soft_wrap=True)

    def _measure(self, now: float, rows: int) -> None:
        """Measure the rate every other second; epochs restored from a checkpoint took no time."""
        began, before = self._mark
        if not self._rate or now - began > RATE_SECONDS:
            self._rate = (rows - before) / max(now - began, 1e-9)
            self._mark = (now, rows)

    def finish(self, text: str) -> None:
        """Replace the bar by one line about the outcome."""
        if self._bars and self._bar is not None:
            self._bars.remove_task(self._bar)
        seconds = time.monotonic() - self._began
        console.print(f"{self._stage}: {text}, {seconds:.1f} s")


_bars: Bars | None = None


@contextmanager
def shown() -> Iterator[None]:
    """While this lasts, watchers in this process draw bars if the terminal can show them."""
    global _bars
    if not console.is_terminal:
        yield
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[text]}"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console, transient=True) as _bars:
        yield
    _bars = None


def watcher(stage: str) -> Watcher:
    """A watcher for a stage that begins now."""
    return Watcher(stage, _bars)


class Tally:
    """Counts trials: one bar, or a line now and then."""

    def __init__(self, total: int):
        self._total = total
        self._done = 0
        self._began = self._last_line = time.monotonic()
        self._bars = _bars
        self._bar = _bars.add_task("fine-tune", total=total, text="") if _bars else None

    def count(self, text: str) -> None:
        """One more trial is done."""
        self._done += 1
        now = time.monotonic()
        if self._bars and self._bar is not None:
            self._bars.update(self._bar, completed=self._done, text=text)
        elif now - self._last_line >= LINE_SECONDS and self._done < self._total:
            self._last_line = now
            left = (now - self._began) * (self._total - self._done) / self._done
            console.print(
                f"fine-tune: {self._done}/{self._total} {text}, {left:.0f} s left", soft_wrap=True
            )

    def finish(self) -> None:
        """Replace the bar by one line."""
        if self._bars and self._bar is not None:
            self._bars.remove_task(self._bar)
        seconds = time.monotonic() - self._began
        console.print(f"fine-tune: {self._total} trials, {seconds:.1f} s")
