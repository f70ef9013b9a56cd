"""A store in which somebody deleted runs by hand is cleaned as well."""

from pathlib import Path

import pytest

from pipeline.tracking.cleaning import clean
from pipeline.tracking.tracker import Tracker
from tests.pipeline.tracking.stored_runs import stored


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
