"""What the terminal shows of long work: bars, or plain lines where the output is no terminal."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from flows.progress import Display, Report

LINE_SECONDS = 5.0

# Names are printed as they are: nothing in them is markup.
console = Console(stderr=True, highlight=False, markup=False)
output = Console(highlight=False, markup=False, soft_wrap=True)
"""For results; `console` is for what happens meanwhile."""
if not output.is_terminal:
    output.width = 10_000  # a file has no width that could be exceeded


def outlive_readers() -> None:
    """From now on nobody has to read what is printed: a run outlives the worker that passes it on.

    rich ends the program then, also where Prefect's log is what it prints.
    """
    Console.on_broken_pipe = _print_nowhere  # type: ignore[assignment, method-assign]


def _print_nowhere(_: Console) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())


_bars: Bars | None = None


@contextmanager
def shown() -> Iterator[None]:
    """While this lasts, work in this process is shown by bars if the terminal can draw them."""
    global _bars
    if not console.is_terminal:
        yield
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
    with Bars(*columns, console=console, transient=True) as _bars:
        yield
    _bars = None


def terminal_display(name: str) -> Display:
    """The terminal's display of work that begins now."""
    return _Bar(name, _bars) if _bars else _Lines(name)


class _Lines:
    """A line every few seconds."""

    def __init__(self, name: str):
        self._name = name
        self._last_line = time.monotonic()

    def show(self, report: Report) -> None:
        now = time.monotonic()
        if now - self._last_line >= LINE_SECONDS and report.done < report.total:
            self._last_line = now
            console.print(f"{self._name}: {report.text}", soft_wrap=True)

    def finish(self, text: str) -> None:
        console.print(f"{self._name}: {text}")


class _Bar:
    """A bar, which one line about the outcome replaces."""

    def __init__(self, name: str, bars: Bars):
        self._name = name
        self._bars = bars
        self._bar: TaskID | None = None

    def show(self, report: Report) -> None:
        if self._bar is None:
            self._bar = self._bars.add_task(self._name, total=report.total, text="")
        self._bars.update(self._bar, completed=report.done, text=report.text)

    def finish(self, text: str) -> None:
        if self._bar is not None:
            self._bars.remove_task(self._bar)
        console.print(f"{self._name}: {text}")
