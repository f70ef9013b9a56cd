"""Two runs of one config on one store at one moment: both end, and with the same."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.faults.conftest import Run, Table, closed
from tests.flows.faults.outcome import Outcome, client, outcome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_two_runs_started_at_the_same_moment(
    expected: Outcome, make_workspace: Callable[[str], Path], prefect_url: str, table: Table
):
    store = make_workspace("store")
    folders = [make_workspace("first"), make_workspace("second")]
    for folder in folders:
        (folder / "mlruns" / "mlflow.db").unlink()
        (folder / "mlruns").rmdir()
        (folder / "mlruns").symlink_to(store / "mlruns")
    both = [Run(folder, prefect_url) for folder in folders]
    statuses = [run.end() for run in both]
    messages = [run.messages for run in both]
    assert statuses == [0, 0], messages
    assert not any("locked" in text for text in messages)
    same = sum(outcome(folder) == expected for folder in folders)
    table.add("two runs at the same moment", 2, 2, "0", same)
    assert same == 2
    closed(client(store))
