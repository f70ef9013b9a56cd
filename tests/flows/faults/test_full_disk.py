"""A disk that is full: nothing half-written stays, and what was finished is kept."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.faults.conftest import (
    Run,
    Table,
    closed,
    ended_the_same,
    goes_on,
    small_disk,
)
from tests.flows.faults.outcome import Outcome, client

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_where_checkpoints_are_kept(
    expected: Outcome, make_workspace: Callable[[str], Path], prefect_url: str, table: Table
):
    folder = make_workspace("full_checkpoints")
    with small_disk(folder / "mlruns" / "scratch" / "checkpoints", "16k"):
        run = Run(folder, prefect_url)
        assert run.end() == 0, run.messages
    ended_the_same(folder, expected, table, "disk full at checkpoint", "0")


@pytest.mark.parametrize(
    ("what", "place", "size"), [("export", "exports", "64k"), ("store", "mlruns/artifacts", "128k")]
)
def test_where_results_are_kept(
    what: str,
    place: str,
    size: str,
    expected: Outcome,
    make_workspace: Callable[[str], Path],
    prefect_url: str,
    table: Table,
):
    folder = make_workspace(f"full_{what}")
    with small_disk(folder / place, size) as enlarge:
        run = Run(folder, prefect_url)
        assert run.end() == 1
        (line,) = [line for line in run.messages.splitlines() if line.endswith(" is full.")]
        assert line.startswith("The disk that holds ") and Path(place).name in line
        assert "Traceback" not in run.messages
        closed(client(folder))
        assert not list(folder.glob("exports/digits/*"))
        enlarge("64m")
        goes_on(folder, prefect_url, expected, table, f"disk full at {what}", "0")


def test_where_the_database_is(
    expected: Outcome, make_workspace: Callable[[str], Path], prefect_url: str, table: Table
):
    folder = make_workspace("full_database")
    database = folder / "mlruns" / "mlflow.db"
    content = database.read_bytes()
    with small_disk(folder / "mlruns", f"{len(content) // 1024 + 100}k") as enlarge:
        database.write_bytes(content)
        run = Run(folder, prefect_url)
        assert run.end() == 1
        assert "The disk that holds mlruns" in run.messages, run.messages
        assert "Traceback" not in run.messages
        enlarge("64m")
        goes_on(folder, prefect_url, expected, table, "disk full at the database", "-")
        closed(client(folder))
