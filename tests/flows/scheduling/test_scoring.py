"""Inference on a schedule: new files alone, by the version that an alias names at the time."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling
from sklearn.datasets import load_digits

from flows.scheduling.scoring import inference
from tests.flows.conftest import COMMAND, Layerwise, settings
from tests.flows.notices.listener import listening
from tests.flows.scheduling.conftest import (
    Worker,
    deployed,
    going_on,
    state_of,
    trigger,
    wait_until,
)

pytestmark = pytest.mark.slow
MODEL = "models:/digits@champion"
FLOW, DEPLOYMENT = "layerwise-inference", "predict-digits-champion"
IMAGES, CLASSES = load_digits(return_X_y=True)
TABLE = pd.DataFrame(IMAGES, columns=[f"pixel {n}" for n in range(64)])


@pytest.fixture(scope="module")
def folder(make_workspace: Callable[[str], Path], layerwise: Layerwise) -> Path:
    """Two registered versions of a model of a table, of which the first is the champion."""
    folder = make_workspace("scoring")
    TABLE.assign(digit=CLASSES).to_csv(folder / "digits.csv", index=False)
    quick = settings("finetune.label_budgets=[200]", "finetune.seeds=1", "finetune.min_steps=200")
    data = ["--data", "digits.csv", "--label", "digit"]
    trained = layerwise(
        "run", *data, *quick, "--set", "name=digits", "--set", "data.scaling=global", folder=folder
    )
    assert trained.returncode == 0, trained.stderr
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    client.create_model_version("digits", client.get_model_version_download_uri("digits", "1"))
    return folder


@pytest.fixture(autouse=True)
def places(
    folder: Path, prefect_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The folders `in` and `out`, new for each test; version 1 is the champion."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlruns/mlflow.db")
    champion("1")
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    with temporary_settings({PREFECT_API_URL: prefect_url}):
        yield


def champion(version: str) -> None:
    client = MlflowClient(os.environ["MLFLOW_TRACKING_URI"])
    client.set_registered_model_alias("digits", "champion", version)


def run(folder: Path, command: str = "predict", **parameters: Any) -> State[Any]:
    """The flow, as a schedule starts it, over the folders."""
    places = {"data": str(folder / "in" / "*"), "output": str(folder / "out" / "{name}.csv")}
    given = {"command": command, "model": MODEL, **places, **parameters}
    return inference(**given, return_state=True)


def results(folder: Path) -> dict[str, pd.DataFrame]:
    return {path.stem: pd.read_csv(path) for path in sorted((folder / "out").glob("*.csv"))}


def test_new_files_alone_are_done_by_the_version_that_the_alias_names_then(tmp_path: Path):
    TABLE[:100].to_csv(tmp_path / "in" / "monday.csv", index=False)
    state = run(tmp_path)
    assert (state.name, state.message) == ("Completed", "100 rows in 1 files, by models:/digits/1")
    assert (results(tmp_path)["monday"]["label"] == CLASSES[:100]).mean() > 0.5

    began = time.monotonic()
    state = run(tmp_path)
    assert (state.name, time.monotonic() - began < 10) == ("Skipped", True)
    assert state.message == f"None of 1 files of {tmp_path}/in/* is new."

    champion("2")
    TABLE[100:150].to_parquet(tmp_path / "in" / "tuesday.parquet", index=False)
    assert run(tmp_path).message == "50 rows in 1 files, by models:/digits/2"
    versions = {name: set(rows["model_version"]) for name, rows in results(tmp_path).items()}
    assert versions == {"monday": {"models:/digits/1"}, "tuesday": {"models:/digits/2"}}

    TABLE[:30].to_csv(tmp_path / "in" / "monday.csv", index=False)
    run(tmp_path)
    assert len(results(tmp_path)["monday"]) == 30
    assert set(results(tmp_path)["monday"]["model_version"]) == {"models:/digits/2"}


@pytest.mark.parametrize(
    ("command", "columns"), [("encode", "code_0"), ("score", "reconstruction_error")]
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_each_command_gives_what_it_gives_by_hand(
    command: str, columns: str, suffix: str, tmp_path: Path, folder: Path, layerwise: Layerwise
):
    file = tmp_path / "in" / "rows.csv"
    TABLE[:50].to_csv(file, index=False)
    output = tmp_path / "out" / f"rows{suffix}"
    assert run(tmp_path, command, data=str(file), output=str(output)).name == "Completed"
    by_hand = tmp_path / f"by-hand{suffix}"
    assert layerwise(command, MODEL, file, "-o", by_hand, folder=folder).returncode == 0
    read = pd.read_csv if suffix == ".csv" else pd.read_parquet
    given = read(output)
    assert columns in given
    assert list(given.pop("model_version")) == ["models:/digits/1"] * 50
    pd.testing.assert_frame_equal(given, read(by_hand))


def test_one_bad_file_keeps_no_other_back_and_is_named(tmp_path: Path):
    TABLE[:20].to_csv(tmp_path / "in" / "good.csv", index=False)
    TABLE[:20].drop(columns="pixel 7").to_csv(tmp_path / "in" / "bad.csv", index=False)
    (tmp_path / "in" / "empty.csv").touch()
    with listening() as listener:
        state = run(tmp_path, notify=listener.address)
    assert state.name == "Refused"
    assert "bad.csv" in str(state.message) and "pixel 7" in str(state.message)
    assert "empty.csv has 0 bytes" in str(state.message)
    assert list(results(tmp_path)) == ["good"]
    (notice,) = listener.notices
    assert (notice["event"], notice["reason"]) == ("refused", state.message)

    TABLE[:20].to_csv(tmp_path / "in" / "bad.csv", index=False)
    (tmp_path / "in" / "empty.csv").unlink()
    with listening() as listener:
        assert run(tmp_path, notify=listener.address).name == "Completed"
    (notice,) = listener.notices
    assert notice["event"] == "finished"
    assert notice["model"] == "models:/digits/1"
    assert notice["files"] == [f"{tmp_path}/out/bad.csv"]
    assert notice["text"].endswith("finished: 20 rows in 1 files, by models:/digits/1")


def test_an_alias_that_was_removed_is_refused_and_nothing_is_written(tmp_path: Path):
    TABLE[:20].to_csv(tmp_path / "in" / "rows.csv", index=False)
    state = run(tmp_path, model="models:/digits@nobody")
    assert state.name == "Refused"
    assert "MLflow has no model 'models:/digits@nobody'" in str(state.message)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_result_that_is_there_is_replaced_whole(tmp_path: Path):
    TABLE[:20].to_csv(tmp_path / "in" / "rows.csv", index=False)
    (tmp_path / "out" / "rows.csv").write_text("something else")
    assert run(tmp_path).name == "Completed"
    assert len(results(tmp_path)["rows"]) == 20
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["rows.csv"]


def test_after_a_killed_run_the_next_does_what_was_left(tmp_path: Path, prefect_url: str):
    files = 60
    for number in range(files):
        TABLE[:50].to_csv(tmp_path / "in" / f"{number:03}.csv", index=False)
    call = (
        "from flows.environment import set_environment; set_environment(verbose=False); "
        "from flows.scheduling.scoring import inference; "
        f"inference('predict', {MODEL!r}, {str(tmp_path / 'in' / '*')!r}, "
        f"{str(tmp_path / 'out' / '{name}.csv')!r})"
    )
    environment = os.environ | {"PREFECT_API_URL": prefect_url}
    with (tmp_path / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", call], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        wait_until(lambda: len(list((tmp_path / "out").glob("*.csv"))) > 2, 120, tmp_path)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = {path: path.stat().st_ino for path in (tmp_path / "out").glob("*.csv")}
    assert 2 < len(done) < files
    assert run(tmp_path).name == "Completed"
    assert all(len(rows) == 50 for rows in results(tmp_path).values())
    assert len(results(tmp_path)) == files
    again = [path for path, inode in done.items() if path.stat().st_ino != inode]
    assert len(again) <= 1  # the last may have been renamed and not marked


def test_a_served_schedule_takes_turns_and_shows_on_its_page_what_it_did(
    tmp_path: Path, folder: Path, prefect_url: str
):
    TABLE[:100].to_csv(tmp_path / "in" / "monday.csv", index=False)
    np.save(tmp_path / "in" / "tuesday.npy", IMAGES[:60])
    arguments = [COMMAND, "schedule", "predict", MODEL, tmp_path / "in" / "*",
                 "-o", tmp_path / "out" / "{name}.csv", "--cron", "0 2 1 1 *"]  # fmt: skip
    with going_on(arguments, folder, prefect_url):
        wait_until(lambda: deployed(DEPLOYMENT), 60, folder)
        runs = [trigger(DEPLOYMENT, FLOW) for _ in range(2)]
        wait_until(lambda: {state_of(run) for run in runs} == {"Completed", "Skipped"}, 180, folder)
    assert {name: len(rows) for name, rows in results(tmp_path).items()} == {
        "monday": 100,
        "tuesday": 60,
    }
    (worked,) = [run for run in runs if state_of(run) == "Completed"]
    mine = LogFilter.model_validate({"flow_run_id": {"any_": [str(worked.id)]}})
    with get_client(sync_client=True) as client:
        log = "\n".join(entry.message for entry in client.read_logs(mine, limit=200))
    assert f"60 rows in {tmp_path}/out/tuesday.csv, by models:/digits/1" in log


def test_a_run_that_is_cancelled_in_a_pool_leaves_whole_results_and_the_next_does_the_rest(
    tmp_path: Path, folder: Path, layerwise: Layerwise, pool: str, working: Callable[[], Worker]
):
    names = [f"{number:02}" for number in range(12)]
    many = tmp_path / "in" / "00.npy"
    np.save(many, np.tile(IMAGES, (30, 1)).astype("uint8"))
    for name in names[1:]:
        os.link(many, tmp_path / "in" / f"{name}.npy")
    registered = layerwise(
        "schedule", "encode", MODEL, tmp_path / "in" / "*", "-o", tmp_path / "out" / "{name}.csv",
        "--cron", "0 2 1 1 *", "--name", "pooled", "--pool", pool, folder=folder,
    )  # fmt: skip
    assert registered.returncode == 0, registered.stderr
    with working():
        first = trigger("pooled", FLOW)
        wait_until(lambda: any((tmp_path / "out").glob("*.csv")), 120, tmp_path)
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(first.id, Cancelling())
        wait_until(lambda: state_of(first) == "Cancelled", 60, tmp_path)
        left = results(tmp_path)
        assert 0 < len(left) < len(names)
        assert {len(rows) for rows in left.values()} == {30 * len(IMAGES)}
        assert len(list((tmp_path / "out").iterdir())) == len(left)  # nothing half written
        second = trigger("pooled", FLOW)
        wait_until(lambda: state_of(second) == "Completed", 180, tmp_path)
    assert list(results(tmp_path)) == names
