"""One day of a service, from its first night to a cancelled run in a pool: docs/a-day.md."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pandas as pd
import pytest
from prefect.client.schemas.objects import FlowRun

from tests.flows.conftest import COMMAND
from tests.flows.notices.listener import listening
from tests.flows.scheduling.conftest import (
    PrefectServer,
    deployed,
    environment,
    going_on,
    wait_until,
)
from tests.flows.scheduling.day import CONFIG, EVERY_MINUTE, LONG, Day, write_rows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def day(make_workspace: Callable[[str], Path], own_server: PrefectServer) -> Iterator[Day]:
    folder = make_workspace("day")
    (folder / "night.yaml").write_text(CONFIG)
    write_rows(folder / "digits.csv", slice(0, 900))
    with listening() as listener:
        os.environ["DAY_HOOK"] = listener.address  # for the commands of the day
        day = Day(folder, own_server, listener)
        try:
            yield day
        finally:
            del os.environ["DAY_HOOK"]
            Path("build").mkdir(exist_ok=True)
            Path("build/a-day.md").write_text("\n".join(day.transcript.lines) + "\n")


def test_nights(day: Day):
    with ExitStack() as night:
        served = ["schedule", "night.yaml", "--cron", EVERY_MINUTE, "--when-changed",
                  "--notify", "$DAY_HOOK"]  # fmt: skip
        day.transcript.did("A schedule every minute: " + day.typed(served))
        night.enter_context(going_on([COMMAND, *served], day.folder, day.server.url))
        wait_until(lambda: deployed("night"), 60, day.folder)
        first = day.next_end("night")
        assert first.state and first.state.name == "Completed"
        assert day.noticed("finished")["budgets"][0]["labels"] == 50

        day.transcript.did("Nothing changes")
        unchanged(day)
        day.noticed("skipped", reason="those of the last run")

        day.transcript.did("400 rows more are in digits.csv")
        write_rows(day.folder / "digits.csv", slice(0, 1300))
        finished_after_skips(day)
        (run,) = [run for run in day.mlflow("tags.`layerwise.stage` = 'run'")
                  if run.info.status == "FINISHED"][:1]  # fmt: skip
        farthest = run.data.metrics["distance_max"]
        day.transcript.saw(
            "It began from the last run's stacks; its farthest column lies "
            f"{farthest:.2f} standard deviations from where it was"
        )
        assert started_warm(day)
        assert day.noticed("finished")["run_id"] == run.info.run_id

        day.transcript.did(
            "Prefect's server is killed; two minutes later it is back, and so are 400 rows more"
        )
        outage = [run.id for run in day.ended("night")]
        day.server.kill()
        write_rows(day.folder / "digits.csv", slice(0, 1700))
        time.sleep(120)
        day.server.start()
        caught_up = finished_after_skips(day)
        missed = [run for run in day.ended("night")
                  if run.id not in outage and run.id != caught_up.id
                  and run.expected_start_time < caught_up.expected_start_time]  # fmt: skip
        assert missed and {run.state.name for run in missed if run.state} == {"Skipped"}
        day.transcript.saw(f"{len(missed)} missed runs ended as Skipped; one caught up")
        day.noticed("finished")

        day.transcript.did("A run by hand, of 6,000 epochs, which is cancelled")
        run = day.begin("night", stack=[LONG])
        day.training(run)
        assert day.cancel(run) < 60
        day.noticed("cancelled")


def test_a_run_that_is_cancelled_in_a_pool_goes_on_where_it_was(day: Day):
    pool = ["work-pool", "create", "machines", "--type", "process"]
    user = environment(day.server.url)
    subprocess.run([COMMAND.with_name("prefect"), *pool], env=user, check=True, capture_output=True)
    pooled = ["schedule", "night.yaml", "--cron", "0 2 1 1 *", "--name", "pooled",
              "--pool", "machines", "--notify", "$DAY_HOOK"]  # fmt: skip
    day.transcript.did("The same in a pool: " + day.typed(pooled) + ", and a worker")
    subprocess.run([COMMAND, *pooled], env=user, cwd=day.folder, check=True)
    worker = [COMMAND.with_name("prefect"), "worker", "start", "--pool", "machines"]
    with going_on(worker, day.folder, day.server.url):
        stopped = day.begin("pooled", stack=[LONG])
        day.training(stopped)
        assert day.cancel(stopped) < 60
        day.noticed("cancelled")
        day.transcript.did("It is begun again")
        day.begin("pooled", stack=[LONG])
        again = day.next_end("pooled", seconds=400)
        assert again.state and again.state.name == "Completed"
        (resumed, *_) = day.mlflow("tags.`layerwise.resumed_after_epoch` != ''")
        epoch = resumed.data.tags["layerwise.resumed_after_epoch"]
        day.transcript.saw(f"It went on after epoch {epoch} of 6000")
        day.noticed("finished")


def test_new_files_are_scored(day: Day):
    (day.folder / "in").mkdir()
    (day.folder / "out").mkdir()
    rows = pd.read_csv(day.folder / "digits.csv")
    rows[:20].to_csv(day.folder / "in" / "monday.csv", index=False)
    scoring = ["schedule", "predict", "models:/night@latest_run", "in/*.csv", "-o",
               "out/{name}.csv", "--cron", EVERY_MINUTE, "--notify", "$DAY_HOOK"]  # fmt: skip
    day.transcript.did("New files are predicted every minute: " + day.typed(scoring))
    with going_on([COMMAND, *scoring], day.folder, day.server.url):
        assert day.noticed("finished", 240)["files"] == [str(day.folder / "out" / "monday.csv")]
        day.transcript.did("No new file")
        day.noticed("skipped", 120, "is new")
        day.transcript.did("A file of Tuesday comes")
        rows[20:50].to_csv(day.folder / "in" / "tuesday.csv", index=False)
        assert day.noticed("finished", 240)["files"] == [str(day.folder / "out" / "tuesday.csv")]
    labels = pd.read_csv(day.folder / "out" / "tuesday.csv")
    (version,) = labels["model_version"].unique()
    day.transcript.saw(f"`out/tuesday.csv` has {len(labels)} rows, by {version}")
    assert len(labels) == 30
    assert version.startswith("models:/night/")


def unchanged(day: Day) -> None:
    """Wait for a run that finds nothing new; on a busy machine one may be overtaken before."""
    while not (run := day.next_end("night")).state or "last run" not in str(run.state.message):
        assert run.state and run.state.name == "Skipped"


def finished_after_skips(day: Day) -> FlowRun:
    """The next run that was not skipped; runs may be skipped before the rows are there."""
    while (run := day.next_end("night")).state and run.state.name == "Skipped":
        pass
    assert run.state and run.state.name == "Completed"
    return run


def started_warm(day: Day) -> bool:
    """Whether the latest run's first level went on from an earlier one."""
    latest, *_ = day.mlflow("tags.`layerwise.level` = '1'")
    return "layerwise.starts_from" in latest.data.tags
