"""Where the store is, and that it is made: a real MLflow on SQLite."""

import sqlite3
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from pipeline.tracking.store import database_file, tracking_uri
from pipeline.tracking.tracker import Tracker
from tests.pipeline.tracking.stored_runs import finished_run, stored


def test_the_store_is_mlruns_of_the_working_directory_unless_another_is_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri() == f"sqlite:///{tmp_path}/mlruns/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000")
    assert tracking_uri() == "http://elsewhere:5000"


def test_an_experiment_is_made_once_and_found_again(uri: str):
    first, again, other = (Tracker(uri, name) for name in ("one", "one", "two"))
    assert first.experiment_id == again.experiment_id != other.experiment_id
    names = {e.name for e in MlflowClient(uri).search_experiments()}
    assert names == {"Default", "one", "two"}


def test_artifacts_lie_beside_the_database(tracker, file, tmp_path):
    run_id = finished_run(tracker, file=file)
    expected = tmp_path / "mlruns" / "artifacts" / "made" / run_id / "artifacts" / "weights.bin"
    assert stored(tracker, run_id, "weights.bin") == expected
    assert expected.read_bytes() == file.read_bytes()


def test_a_store_that_is_not_there_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # MLflow sets it; it is put back afterwards
    database = tmp_path / "new" / "folder" / "mlflow.db"
    finished_run(Tracker(f"sqlite:///{database}", "made"))
    assert sqlite3.connect(database).execute("select count(*) from runs").fetchone() == (1,)


@pytest.mark.parametrize(
    ("uri", "file"),
    [
        ("sqlite:////a b/mlflow.db", Path("/a b/mlflow.db")),
        ("sqlite:///mlflow.db?timeout=5", Path("mlflow.db")),
        ("http://host:5000", None),
        ("postgresql://host/db", None),
    ],
)
def test_only_sqlite_has_a_file(uri: str, file: Path | None):
    assert database_file(uri) == file
