"""Where the store is, and that it is made: a real MLflow on SQLite."""

import sqlite3
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from pipeline.errors import InputError
from pipeline.tracking.store import database_file, open_store, scratch_folder, tracking_uri
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


def test_a_relative_database_is_named_by_its_whole_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mine.db?timeout=5")
    assert tracking_uri() == f"sqlite:///{tmp_path}/mine.db?timeout=5"


@pytest.mark.parametrize(
    ("settings", "folder"),
    [
        ({}, "here/mlruns/scratch"),
        ({"MLFLOW_TRACKING_URI": "sqlite:///{0}/there/mlflow.db"}, "there/scratch"),
        ({"MLFLOW_TRACKING_URI": "http://host:5000"}, "home/.local/share/layerwise/scratch"),
        (
            {"MLFLOW_TRACKING_URI": "http://host:5000", "XDG_DATA_HOME": "{0}/data"},
            "data/layerwise/scratch",
        ),
        ({"LAYERWISE_SCRATCH": "{0}/large"}, "large"),
    ],
)
def test_scratch_lies_where_the_next_run_of_the_store_finds_it(
    settings: dict[str, str], folder: str, tmp_path, monkeypatch
):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in ("MLFLOW_TRACKING_URI", "XDG_DATA_HOME", "LAYERWISE_SCRATCH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name, value in settings.items():
        monkeypatch.setenv(name, value.format(tmp_path))
    assert scratch_folder() == tmp_path / folder
    assert (tmp_path / folder).is_dir()


def test_a_scratch_folder_that_cannot_be_made_is_refused_with_what_to_set(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LAYERWISE_SCRATCH", str(tmp_path / "file" / "scratch"))
    with pytest.raises(InputError, match=f"{tmp_path}/file/scratch.* Set LAYERWISE_SCRATCH"):
        scratch_folder()


@pytest.mark.parametrize("uri", ["./mlruns", "file:///somewhere/mlruns"])
def test_a_folder_of_files_is_refused_with_what_to_set(uri: str, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(InputError, match=f"{uri}.*sqlite:///"):
        open_store()


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg2", "mysql+pymysql"])
def test_a_database_without_a_server_is_refused_without_its_password(scheme: str):
    with pytest.raises(InputError, match="mlflow server") as refused:
        Tracker(f"{scheme}://me:s3cret@127.0.0.1/mlflow", "any")
    assert "s3cret" not in str(refused.value)
