"""A loss that is no longer a finite number ends the run at once, or slows it down once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.faults.conftest import Run, Table, closed
from tests.flows.faults.outcome import client, runs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
TOO_FAST = ("--set", "stack.1.learning_rate=5e5")


def test_it_ends_the_run_and_says_where(
    make_workspace: Callable[[str], Path], prefect_url: str, table: Table
):
    folder = make_workspace("diverged")
    run = Run(folder, prefect_url, *TOO_FAST)
    assert run.end() == 1
    assert "step " in run.messages and "the training loss became" in run.messages
    assert "good" in run.messages and "`retry`" in run.messages
    closed(client(folder))
    found = {run.info.run_name: run.info.status for run in runs(client(folder))}
    assert found["pretrain level 1"] == "FINISHED"  # and is kept
    assert found["pretrain level 2"] == "FAILED"
    table.add("loss not finite", 1, 0, "the level", None)


def test_it_goes_on_once_at_a_tenth_of_the_rate_where_the_config_says_so(
    make_workspace: Callable[[str], Path], prefect_url: str, table: Table
):
    folder = make_workspace("slowed")
    run = Run(folder, prefect_url, *TOO_FAST, "--set", "stack.1.retry=true")
    assert run.end() == 0, run.messages
    table.add("loss not finite, with `retry`", 1, 1, "at most 1", None)
