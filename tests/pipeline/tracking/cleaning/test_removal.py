"""What is removed is measured, and nothing that a link leads to is touched."""

from pathlib import Path

import pytest

from pipeline.files import folder_digest
from pipeline.tracking.cleaning.removal import (
    METADATA,
    remove_artifacts,
    remove_export,
    remove_folder,
)
from pipeline.tracking.tracker import Tracker
from tests.pipeline.tracking.stored_runs import finished_run, stored


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder of somebody else's, with one file."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "autoencoder.keras").write_bytes(b"mine")
    return folder


def exported(folder: Path) -> set[str]:
    (folder / METADATA).parent.mkdir(parents=True)
    (folder / METADATA).write_text("{}")
    return {folder_digest(folder)}


def test_weights_go_and_are_counted_and_the_rest_stays(tracker: Tracker, tmp_path: Path):
    file = tmp_path / "autoencoder.keras"
    file.write_bytes(bytes(1000))
    run_id = finished_run(tracker, file=file)
    other = stored(tracker, run_id, "figures.json")
    other.write_text("{}")
    uri = tracker.client.get_run(run_id).info.artifact_uri
    foretold = list(remove_artifacts("level", uri, ".keras", dry_run=True))
    assert stored(tracker, run_id, "autoencoder.keras").exists()
    assert list(remove_artifacts("level", uri, ".keras", dry_run=False)) == foretold
    assert [thing.size for thing in foretold] == [1000]
    assert not stored(tracker, run_id, "autoencoder.keras").exists()
    assert other.exists()
    assert list(remove_artifacts("level", uri, ".keras", dry_run=False)) == []


def test_a_link_in_the_store_is_not_followed(tracker: Tracker, file: Path, elsewhere: Path):
    run_id = finished_run(tracker, file=file)
    link = stored(tracker, run_id, "autoencoder.keras")
    link.symlink_to(elsewhere / "autoencoder.keras")
    uri = tracker.client.get_run(run_id).info.artifact_uri
    assert list(remove_artifacts("level", uri, ".keras", dry_run=False)) == []
    link.unlink()
    folder = link.parent
    file.rename(file.with_suffix(".old"))
    for stored_file in folder.iterdir():
        stored_file.unlink()
    folder.rmdir()
    folder.symlink_to(elsewhere)
    assert list(remove_artifacts("level", uri, "", dry_run=False)) == []
    assert (elsewhere / "autoencoder.keras").read_bytes() == b"mine"


def test_artifacts_outside_the_store_are_not_touched(tracker: Tracker, elsewhere: Path):
    assert list(remove_artifacts("level", elsewhere.as_uri(), "", dry_run=False)) == []
    assert (elsewhere / "autoencoder.keras").exists()


def test_an_export_goes_whole(tmp_path: Path):
    folder = tmp_path / "exports" / "1"
    digests = exported(folder)
    assert [thing.size for thing in remove_export(folder, digests, dry_run=True)] == [2]
    assert [thing.size for thing in remove_export(folder, digests, dry_run=False)] == [2]
    assert list(folder.parent.iterdir()) == []


def test_an_export_that_was_renamed_when_a_cleaning_was_killed_goes_with_the_next(tmp_path: Path):
    folder = tmp_path / "exports" / "1"
    digests = exported(folder)
    next(remove_export(folder, digests, dry_run=True))
    folder.rename(folder.with_name(".1.cleaned"))
    assert [thing.size for thing in remove_export(folder, digests, dry_run=False)] == [2]
    assert list(folder.parent.iterdir()) == []


def test_a_folder_that_is_no_longer_the_export_stays(tmp_path: Path, elsewhere: Path):
    folder = tmp_path / "exports" / "1"
    digests = exported(folder)
    (folder / "notes").write_text("mine")
    assert list(remove_export(folder, digests, dry_run=False)) == []
    (folder / "notes").unlink()
    linked = tmp_path / "linked"
    linked.symlink_to(folder.parent)
    assert list(remove_export(linked / "1", digests, dry_run=False)) == []
    assert (folder / METADATA).exists()
    (tmp_path / "scratch").symlink_to(elsewhere)
    assert list(remove_folder("scratch", tmp_path / "scratch", dry_run=False)) == []
    assert (elsewhere / "autoencoder.keras").exists()
