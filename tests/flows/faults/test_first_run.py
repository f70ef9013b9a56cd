"""A first run, killed while it makes the store: the next one goes on."""

import time

import pytest

from tests.flows.conftest import settings
from tests.flows.faults.conftest import Run, Table, closed
from tests.flows.faults.outcome import client

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
KILLS = 20
SECONDS = 15
"""In which the store is made."""
SHORT = settings("finetune.label_budgets=[30]", "finetune.arms=[pretrained]", "finetune.seeds=1")


def test_sigkill_in_an_empty_folder(
    tmp_path_factory: pytest.TempPathFactory, prefect_url: str, table: Table
):
    survived = 0
    for number in range(KILLS):
        folder = tmp_path_factory.mktemp(f"empty_{number}")
        run = Run(folder, prefect_url, *SHORT)
        moment = (number + 0.5) / KILLS * SECONDS
        time.sleep(moment)
        run.kill()
        again = Run(folder, prefect_url, *SHORT)
        status = again.end()
        print(f"killed after {moment:.1f} s, then {status}")
        if status:
            print(again.messages)
            continue
        survived += 1
        closed(client(folder))
    table.add("SIGKILL of a first run", KILLS, survived, "-", None)
    assert survived == KILLS
