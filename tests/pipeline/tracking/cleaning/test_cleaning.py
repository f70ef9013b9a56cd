"""Cleaning a store in which people deleted runs and gave aliases by hand."""

from pathlib import Path

import mlflow
import pytest

from pipeline.tracking.cleaning.clean import clean
from pipeline.tracking.tracker import Tracker
from tests.pipeline.tracking.stored_runs import stored

SCRIPT = """
import mlflow


class Echo(mlflow.pyfunc.PythonModel):
    def predict(self, model_input, params=None):
        return model_input


mlflow.models.set_model(Echo())
"""


def whole_run(tracker: Tracker, file: Path, key: str, cached_from: str | None = None) -> list[str]:
    """A finished run of one level: its id and that of the level."""
    parent = tracker.start("run", "run", None, {"process": "host 1 1"})
    tags = {"key": key, "cached": cached_from is not None}
    if cached_from:
        tags["cached_from"] = cached_from
    with tracker.stage("level", "pretrain", parent.run_id, tags) as level:
        if not cached_from:
            level.artifact(file)
    tracker.finish(parent)
    return [parent.run_id, level.run_id]


def test_a_run_that_was_deleted_in_mlflow_neither_keeps_weights_nor_stops_the_cleaning(
    tracker: Tracker, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    file = tmp_path / "autoencoder.keras"
    file.write_bytes(bytes(100))
    first, level = whole_run(tracker, file, "a")
    deleted, _ = whole_run(tracker, file, "a", cached_from=level)
    last, kept = whole_run(tracker, file, "b")
    tracker.client.delete_run(deleted)
    assert [thing.size for thing in clean(1, None, dry_run=False)] == [100]
    assert not stored(tracker, level, file.name).exists()
    assert stored(tracker, kept, file.name).exists()
    assert tracker.run(first).cleaned
    assert not tracker.run(last).cleaned


def exporting_run(tracker: Tracker, script: Path) -> str:
    """A finished run of one export: the address of the model that it logged."""
    parent = tracker.start("run", "run", None, {"process": "host 1 1"})
    tags = {"key": script.name, "cached": False}
    with tracker.stage("export", "export", parent.run_id, tags) as export:
        with mlflow.start_run(run_id=export.run_id):
            model = mlflow.pyfunc.log_model(
                name="model", python_model=str(script), pip_requirements=[]
            )
        export.tags({"logged_model": model.model_uri})
    tracker.finish(parent)
    return model.model_uri


@pytest.mark.parametrize("named", ["itself", "copied", "by its place"])
def test_a_model_that_an_alias_names_stays_whole(
    named: str, tracker: Tracker, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    client = tracker.client
    client.create_registered_model("made")
    mine, nobodys, last = (exporting_run(tracker, script) for _ in range(3))
    for model in (mine, nobodys, last):
        client.create_model_version("made", model)
    name = "made" if named == "itself" else "production"
    if named == "copied":
        client.copy_model_version("models:/made/1", name)
    elif named == "by its place":
        client.create_registered_model(name)
        client.create_model_version(name, client.get_model_version_download_uri("made", "1"))
    client.set_registered_model_alias(name, "champion", "1")
    gone = [thing.what for thing in clean(1, None, dry_run=False)]
    assert "version 2 of registered model made" in gone
    assert "version 1 of registered model made" not in gone
    left = mlflow.artifacts.download_artifacts(
        artifact_uri=f"models:/{name}@champion", dst_path=str(tmp_path / "left")
    )
    assert Path(left, "MLmodel").is_file()
