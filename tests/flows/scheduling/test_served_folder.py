"""The folder that a schedule is served from: its data are found, its files are not imported."""

from pathlib import Path

import pytest
from sklearn.datasets import load_wine

from tests.flows.conftest import COMMAND, settings, write_impostors
from tests.flows.scheduling.conftest import (
    PrefectServer,
    deployed,
    going_on,
    state_of,
    trigger,
    wait_until,
)


@pytest.mark.slow
def test_a_served_run_imports_nothing_from_the_folder_it_is_served_from(
    own_server: PrefectServer, tmp_path: Path
):
    folder = tmp_path / "My%20Repo #1"
    folder.mkdir()
    write_impostors(folder)
    load_wine(as_frame=True).frame.to_csv(folder / "wine.csv", index=False)
    serve = [
        COMMAND, "schedule", "--data", "wine.csv", "--label", "target", "--name", "odd",
        "--cron", "0 2 1 1 *", *settings("finetune.label_budgets=[30]"),
    ]  # fmt: skip
    with going_on(serve, folder, own_server.url):
        wait_until(lambda: deployed("odd"), 60, folder)
        run = trigger("odd")
        wait_until(lambda: state_of(run) in ("Completed", "Failed", "Crashed"), 300, folder)
    assert state_of(run) == "Completed"
    assert not (folder / "executed").exists()
    assert (folder / "mlruns" / "mlflow.db").is_file()
