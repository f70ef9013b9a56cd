"""A run killed at any moment goes on when it is started again, and ends as if it never was."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.faults.conftest import Run, Table, closed, epochs_done, goes_on, until
from tests.flows.faults.outcome import Outcome, client, outcome, runs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
KILLS = 20


def resumed_after(folder: Path) -> int:
    """The epoch that the last level which went on from a checkpoint went on from; 0 if none did."""
    found = [
        int(run.data.tags["layerwise.resumed_after_epoch"])
        for run in runs(client(folder))
        if "layerwise.resumed_after_epoch" in run.data.tags
    ]
    return found[-1] if found else 0


def test_sigkill_at_random_moments(
    uninterrupted: tuple[Outcome, float],
    make_workspace: Callable[[str], Path],
    prefect_url: str,
    table: Table,
):
    expected, seconds = uninterrupted
    seed = int(os.environ.get("FAULT_SEED", time.time_ns() % 10**6))
    print(f"FAULT_SEED={seed} gives the same moments again")
    chance = random.Random(seed)
    # One in each twentieth of the run, so that they are spread over the whole of it.
    moments = [(number + chance.random()) / KILLS * seconds for number in range(KILLS)]
    survived = same = 0
    lost = []
    for number, moment in enumerate(moments):
        folder = make_workspace(f"killed_{number}")
        run = Run(folder, prefect_url)
        time.sleep(moment)
        run.kill()
        done = epochs_done(client(folder))
        again = Run(folder, prefect_url)
        status = again.end()
        print(f"killed after {moment:.1f} s, {done} epochs into a level; then {status}")
        if status:
            print(again.messages)
            continue
        survived += 1
        same += outcome(folder) == expected
        lost.append(max(0, done - resumed_after(folder)))
        closed(client(folder))
    table.add(f"SIGKILL (seed {seed})", KILLS, survived, f"at most {max(lost)}", same)
    assert (survived, same) == (KILLS, KILLS)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_when_asked_to(
    sent: signal.Signals,
    expected: Outcome,
    make_workspace: Callable[[str], Path],
    prefect_url: str,
    table: Table,
):
    folder = make_workspace("stopped")
    run = Run(folder, prefect_url)
    until(lambda: epochs_done(client(folder)) > 0)
    began = time.monotonic()
    run.process.send_signal(sent)
    assert run.end() == 128 + sent
    assert time.monotonic() - began < 20
    assert (
        run.messages.splitlines()[-1]
        == "layerwise: Stopped. Run the same command again to continue."
    )
    assert "Traceback" not in run.messages and "Error" not in run.messages
    closed(client(folder))
    statuses = {run.info.status for run in runs(client(folder))}
    assert statuses == {"FINISHED", "KILLED"}
    goes_on(folder, prefect_url, expected, table, sent.name, "-")
