"""The SQLite database: made whole or not at all, and moved with its folder."""

import hashlib
import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from pipeline.errors import InputError
from pipeline.tracking.database import check_environment
from pipeline.tracking.find import find
from pipeline.tracking.tracker import Tracker

MAKING = """
import sys
from pipeline.tracking.tracker import Tracker
print("begin", flush=True)
Tracker(sys.argv[1], "made")
print("end", flush=True)
"""


@pytest.fixture(autouse=True)
def own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # MLflow sets it; it is put back afterwards


def making(file: Path) -> subprocess.Popen[str]:
    """A process that is about to make the database."""
    process = subprocess.Popen(
        [sys.executable, "-c", MAKING, f"sqlite:///{file}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=file.parent.parent,
    )
    assert process.stdout
    assert process.stdout.readline() == "begin\n"
    return process


def store_and_read(tracker: Tracker, folder: Path) -> None:
    """Use the store."""
    file = folder / "a.txt"
    file.write_text("a")
    with tracker.stage("name", "pretrain", None, {}) as stage:
        stage.artifact(file)
    with_its_own = folder / stage.run_id
    with_its_own.mkdir()
    assert tracker.artifact(stage.run_id, "a.txt", with_its_own).read_text() == "a"


# Made whole or not at all


def test_a_killed_making_leaves_nothing_in_the_way(tmp_path: Path):
    whole = making(tmp_path / "whole" / "mlflow.db")
    began = time.monotonic()
    assert whole.stdout and whole.stdout.readline() == "end\n"
    seconds = time.monotonic() - began
    for number in range(3):
        file = tmp_path / str(number) / "mlflow.db"
        killed = making(file)
        time.sleep(seconds * (number + 0.5) / 4)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        store_and_read(Tracker(f"sqlite:///{file}", "made"), file.parent)


def open_together(file: Path, barrier, number: int) -> None:
    barrier.wait()
    tracker = Tracker(f"sqlite:///{file}", "made")
    with tracker.stage(str(number), "pretrain", None, {}):
        pass


def test_of_several_first_runs_at_one_moment_none_loses_what_it_stored(tmp_path: Path):
    file = tmp_path / "mlruns" / "mlflow.db"
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    processes = [context.Process(target=open_together, args=(file, barrier, n)) for n in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    with closing(sqlite3.connect(file)) as database:
        (count,) = database.execute("select count(*) from runs").fetchone()
        experiments = database.execute("select name from experiments order by name").fetchall()
    assert count == 3
    assert experiments == [("Default",), ("made",)]
    assert [path.name for path in file.parent.iterdir()] == ["mlflow.db"]


IN_PLACE = """
import os, signal, sys
import sqlalchemy
from mlflow.tracking import MlflowClient
left = int(sys.argv[2])
@sqlalchemy.event.listens_for(sqlalchemy.Engine, "before_cursor_execute")
def count(connection, cursor, statement, *_):
    global left
    left -= statement.lstrip().startswith(("CREATE", "ALTER", "DROP", "UPDATE"))
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
MlflowClient(f"sqlite:///{sys.argv[1]}").search_experiments()
"""


@pytest.mark.parametrize("statements", [1, 30])
def test_a_half_made_database_is_named_with_what_to_do(statements: int, tmp_path: Path):
    file = tmp_path / "mlflow.db"
    # MLflow by itself, killed before the next of its statements.
    killed = subprocess.run([sys.executable, "-c", IN_PLACE, file, str(statements)])
    assert killed.returncode == -signal.SIGKILL
    before = file.read_bytes()
    with pytest.raises(InputError) as caught:
        Tracker(f"sqlite:///{file}", "made")
    assert str(file) in str(caught.value)
    assert "half made" in str(caught.value) and "delete that file" in str(caught.value)
    assert file.read_bytes() == before


def test_a_database_that_lacks_only_mlflow_s_first_experiment_is_used(
    tmp_path: Path, empty_store: Path
):
    file = tmp_path / "mlflow.db"
    shutil.copy(empty_store, file)
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("delete from experiments")
    store_and_read(Tracker(f"sqlite:///{file}", "made"), tmp_path)


# Moved with its folder


def contents(folder: Path) -> dict[str, str]:
    """A digest of every file below."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def project(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a finished run that stored a file, and one still in its folder of exports."""
    folder = tmp_path / "a project, 100 % ü"
    (folder / "mlruns").mkdir(parents=True)
    (folder / "exports" / "made" / "1").mkdir(parents=True)
    shutil.copy(empty_store, folder / "mlruns")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    tracker = at(folder)
    run = tracker.start("made", "run", None, {})
    (tmp_path / "a.txt").write_text("a")
    run.artifact(tmp_path / "a.txt")
    run.tags({"path": folder / "exports" / "made" / "1"})
    tracker.finish(run)
    monkeypatch.chdir(tmp_path)
    return folder


def at(folder: Path) -> Tracker:
    os.environ.pop("MLFLOW_TRACKING_URI", None)  # MLflow sets it
    return Tracker(f"sqlite:///{folder}/mlruns/mlflow.db", "made")


def test_a_moved_folder_keeps_what_it_stored_and_stores_what_comes(project: Path, tmp_path: Path):
    moved = tmp_path / "elsewhere" / "renamed"
    moved.parent.mkdir()
    project.rename(moved)
    tracker = at(moved)
    run = tracker.latest()
    (tmp_path / "fetched").mkdir()
    assert tracker.artifact(run.run_id, "a.txt", tmp_path / "fetched").read_text() == "a"
    assert tracker.place(run.run_id, "a.txt").startswith(f"{moved}/")
    assert run.tags["path"] == str(moved / "exports" / "made" / "1")
    store_and_read(tracker, moved)
    assert not project.exists()


def test_a_copied_folder_leaves_its_original_as_it_is(project: Path, tmp_path: Path):
    copied = tmp_path / "copy"
    shutil.copytree(project, copied)
    before = contents(project)
    tracker = at(copied)
    (tmp_path / "fetched").mkdir()
    run = tracker.latest()
    shutil.move(project, tmp_path / "taken away")
    assert tracker.artifact(run.run_id, "a.txt", tmp_path / "fetched").read_text() == "a"
    store_and_read(tracker, copied)
    assert contents(tmp_path / "taken away") == before
    assert not project.exists()


def test_a_moved_folder_is_followed_by_those_who_only_read(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    moved = tmp_path / "renamed"
    project.rename(moved)
    monkeypatch.chdir(moved)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    tracker, run = find(None)
    assert tracker.place(run.run_id, "a.txt").startswith(f"{moved}/")


def test_an_export_that_was_left_behind_is_still_found_where_it_is(project: Path, tmp_path: Path):
    moved = tmp_path / "renamed"
    moved.mkdir()
    (project / "mlruns").rename(moved / "mlruns")
    assert at(moved).latest().tags["path"] == str(project / "exports" / "made" / "1")


def test_what_others_recorded_stays_as_it_is(project: Path, tmp_path: Path):
    client = MlflowClient(f"sqlite:///{project}/mlruns/mlflow.db")
    locations = {"bucket": "s3://bucket/made", "nearby": f"file://{tmp_path}/a project"}
    for name, location in locations.items():
        client.create_experiment(name, artifact_location=location)
    moved = tmp_path / "renamed"
    project.rename(moved)
    client = at(moved).client
    for name, location in locations.items():
        found = client.get_experiment_by_name(name)
        assert found and found.artifact_location == location


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write what is read-only")
def test_a_moved_folder_that_cannot_be_written_is_refused(project: Path, tmp_path: Path):
    moved = tmp_path / "renamed"
    project.rename(moved)
    (moved / "mlruns" / "mlflow.db").chmod(0o400)
    with pytest.raises(InputError, match="was moved here from .*Make .* writable"):
        at(moved)


def test_an_environment_that_mlflow_cannot_work_from_is_refused_with_a_cure():
    check_environment()
    with pytest.raises(InputError, match=r"Move the environment to a folder without it"):
        check_environment("/home/me/50% done/.venv/lib/mlflow/__init__.py")
