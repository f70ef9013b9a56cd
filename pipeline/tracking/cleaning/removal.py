"""Removing one thing: measured, never through a link, whole or to be taken up again."""

import shutil
from collections.abc import Iterator, Set
from pathlib import Path
from typing import NamedTuple

from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.utils.file_utils import local_file_uri_to_path

from pipeline.files import folder_digest
from pipeline.tracking.store import database_file, tracking_uri

METADATA = Path("assets.extra", "layerwise.json")
"""What every export has."""


class Removed(NamedTuple):
    """One thing that is gone, or would be."""

    what: str
    size: int
    """Bytes, measured."""


def remove_artifacts(what: str, uri: str, ending: str, dry_run: bool) -> Iterator[Removed]:
    """What lies at a place of MLflow's and ends so, all of it where no ending is given.

    Of a local store nothing is removed that a link leads to.
    """
    local = _local_folder(uri)
    if local and not _is_own(local):
        return
    artifacts = get_artifact_repository(uri, tracking_uri=tracking_uri())
    before = _files(artifacts)
    going = [path for path in before if path.endswith(ending)]
    if local:
        going = [path for path in going if not (local / path).is_symlink()]
    if not going:
        return
    if not dry_run:
        for path in going:
            artifacts.delete_artifacts(path)
        left = _files(artifacts)
        going = [path for path in going if path not in left]
        if not left:
            artifacts.delete_artifacts()
    yield Removed(what, sum(before[path] for path in going))


def remove_export(folder: Path, digests: Set[str], dry_run: bool) -> Iterator[Removed]:
    """An exported folder on this machine, if it is as it was exported and no link leads there.

    It is renamed first, so that it is whole or gone should this be killed.
    """
    hidden = folder.with_name(f".{folder.name}.cleaned")
    yield from remove_folder(f"export {folder}", hidden, dry_run)  # begun before
    ours = (folder / METADATA).is_file() and folder.resolve() == folder
    if not ours or folder_digest(folder) not in digests:
        return
    if not dry_run:
        folder.rename(hidden)
    yield from remove_folder(f"export {folder}", folder if dry_run else hidden, dry_run)


def remove_folder(what: str, folder: Path, dry_run: bool) -> Iterator[Removed]:
    """A folder, where there is one; not what links in it lead to."""
    if not folder.is_dir() or folder.is_symlink():
        return
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    size = sum(path.stat().st_size for path in files)
    if not dry_run:
        shutil.rmtree(folder)
    yield Removed(what, size)


def remove_checkpoint(file: Path, dry_run: bool) -> Iterator[Removed]:
    """A checkpoint, unless a run that has come to the end of its level removed it meanwhile."""
    try:
        size = file.lstat().st_size
        if not dry_run:
            file.unlink()
    except FileNotFoundError:
        return
    yield Removed(f"checkpoint {file.name[:12]}...", size)


def _local_folder(uri: str) -> Path | None:
    return Path(local_file_uri_to_path(uri)) if uri.startswith(("file:", "/")) else None


def _is_own(folder: Path) -> bool:
    """Whether a folder of artifacts is one, and lies in the store."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    file = database_file(tracking_uri())
    return file is None or folder.resolve().is_relative_to(file.resolve().parent)


def _files(artifacts: ArtifactRepository, folder: str | None = None) -> dict[str, int]:
    """The files at a place of MLflow's, with their bytes."""
    found: dict[str, int] = {}
    for entry in artifacts.list_artifacts(folder):
        if entry.is_dir:
            found |= _files(artifacts, entry.path)
        else:
            found[entry.path] = entry.file_size or 0
    return found
