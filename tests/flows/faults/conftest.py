"""Faults that are really caused, and a table of what became of the runs they hit."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.flows.conftest import COMMAND
from tests.flows.faults.outcome import ARGUMENTS, Outcome, outcome, runs

SECONDS = 300
COLUMNS = ("fault", "times", "survived", "epochs lost", "same result")


class Run:
    """The command on the suite's config, as a process that things can be done to."""

    def __init__(self, folder: Path, prefect_url: str | None, *changes: str, **environment: str):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PREFECT_"))}
        given = {"PREFECT_API_URL": prefect_url} if prefect_url else {}
        self.folder = folder
        self.stderr = folder / "stderr"
        self.process = subprocess.Popen(
            [COMMAND, *ARGUMENTS, *changes, "--summary", "summary.json"],
            cwd=folder,
            env=kept | given | environment,
            stdout=(folder / "stdout").open("w"),
            stderr=self.stderr.open("w"),
            start_new_session=True,
        )

    def end(self) -> int:
        """Wait for the end; the exit status."""
        return self.process.wait(timeout=SECONDS)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def messages(self) -> str:
        return self.stderr.read_text()


class Table:
    """What was tried and what came of it, printed when the tests are over."""

    rows: list[tuple[str, ...]]

    def __init__(self) -> None:
        self.rows = []

    def add(self, fault: str, times: int, survived: int, lost: str, same: int | None) -> None:
        """`same`: how many ended as the uninterrupted run; None where none is to be compared."""
        equal = "-" if same is None else "yes" if same == times else f"{same} of {times}"
        self.rows.append((fault, str(times), str(survived), lost, equal))


def goes_on(
    folder: Path, prefect_url: str, expected: Outcome, table: Table, fault: str, lost: str
) -> Run:
    """Give the same command again: it must end, and as the run did that nothing happened to."""
    again = Run(folder, prefect_url)
    assert again.end() == 0, again.messages
    ended_the_same(folder, expected, table, fault, lost)
    return again


def ended_the_same(folder: Path, expected: Outcome, table: Table, fault: str, lost: str) -> None:
    """The run in the folder came to what is expected; the table says whether it did."""
    same = outcome(folder) == expected
    table.add(fault, 1, 1, lost, same)
    assert same


_TABLE = Table()


@pytest.fixture(scope="session")
def table() -> Table:
    return _TABLE


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not _TABLE.rows:
        return
    rows = [COLUMNS, *_TABLE.rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    terminalreporter.section("faults")
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        terminalreporter.write_line("  ".join(cells).rstrip())


@pytest.fixture(scope="session")
def uninterrupted(
    make_workspace: Callable[[str], Path], prefect_url: str
) -> Iterator[tuple[Outcome, float]]:
    """What the suite's config comes to when nothing happens, and how many seconds it takes."""
    folder = make_workspace("uninterrupted")
    began = time.monotonic()
    run = Run(folder, prefect_url)
    assert run.end() == 0, run.messages
    yield outcome(folder), time.monotonic() - began


@pytest.fixture
def expected(uninterrupted: tuple[Outcome, float]) -> Outcome:
    return uninterrupted[0]


def until(happened: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for something to happen."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def epochs_done(store: MlflowClient) -> int:
    """Of the level in training, as far as MLflow knows: up to two seconds behind."""
    training = [
        run
        for run in runs(store, "attributes.status = 'RUNNING'")
        if run.data.tags["layerwise.stage"] == "pretrain"
    ]
    if not training:
        return 0
    return len(store.get_metric_history(training[-1].info.run_id, "loss"))


def closed(store: MlflowClient) -> None:
    """Nothing is left open in MLflow."""
    assert not runs(store, "attributes.status = 'RUNNING'")


@contextmanager
def small_disk(at: Path, size: str) -> Iterator[Callable[[str], None]]:
    """A file system of a size of its own in place of a folder; what it gives makes it larger."""
    at.mkdir(parents=True, exist_ok=True)

    def mount(*options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", at]
        made = subprocess.run(command, capture_output=True, text=True)
        if made.returncode:
            pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")

    mount(f"size={size}")
    try:
        yield lambda larger: mount("remount", f"size={larger}")
    finally:
        # Lazily: MLflow's client in this process may still have the database open.
        subprocess.run(["umount", "--lazy", at], check=True)
