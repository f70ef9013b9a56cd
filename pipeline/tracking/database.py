"""The SQLite database of a local store: made whole or not at all, and moved with its folder."""

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import mlflow
from mlflow.tracking import MlflowClient
from mlflow.utils.file_utils import local_file_uri_to_path

from pipeline.errors import InputError
from pipeline.files import atomic_write, hidden_folder
from pipeline.tracking.runs import TAG

ARTIFACTS = "artifacts"
"""The folder beside the database with a folder for each experiment."""
FIRST_TABLES = {"experiments", "runs", "metrics", "params", "tags", "alembic_version"}
"""Some of which there are at any moment after the first of the making of a database."""
SECONDS = 20
"""How long another process that writes is waited for."""
LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)
"""Where MLflow records places as URIs or paths (table, column)."""


def experiment_location(file: Path, name: str) -> str:
    """Where artifacts of an experiment are stored: beside the database, as a URI."""
    return (file.resolve().parent / ARTIFACTS / name).as_uri()


def make_database(file: Path) -> None:
    """Make MLflow's database, unless another process makes it at the same moment.

    MLflow takes a second or more for it, in which it may be killed. So the file is made elsewhere
    and gets its name when it is whole.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with hidden_folder(file.parent) as hidden:
        made = hidden / "made.db"
        MlflowClient(f"sqlite:///{made}").search_experiments()
        with closing(sqlite3.connect(made)) as database, database:
            default = "update experiments set artifact_location = ? where name = 'Default'"
            database.execute(default, [experiment_location(file, "Default")])
        with suppress(FileExistsError), atomic_write(file, replace=False) as copy:
            # A copy, because MLflow keeps the one that it made open.
            shutil.copyfile(made, copy)


def check_environment(packages: str = mlflow.__file__) -> None:
    """Raise `InputError` where MLflow cannot make or open databases from where it is installed.

    It puts its own path into a configuration in which `%` begins a variable.
    """
    if "%" in packages:
        raise InputError(
            "MLflow cannot keep its store where the path of its packages has a '%'. Given: "
            f"{packages}. Move the environment to a folder without it, and set it up again."
        )


def check_database(file: Path) -> None:
    """Raise `InputError` for a database that MLflow was killed in the making of."""
    with closing(_connect(file)) as database:
        tables = {name for (name,) in database.execute("select name from sqlite_master")}
        if not tables & FIRST_TABLES:  # nothing of MLflow's yet
            return
        # MLflow makes an experiment at the very end.
        if _rows(database, tables, "experiments"):
            return
        versions = _rows(database, tables, "alembic_version")
    if versions != [(_latest_version(),)]:
        raise InputError(
            f"The MLflow database {file} is half made: the program that made it was killed. There "
            "are no runs in it. Unless a program is making it at this moment, delete that file and "
            "start again."
        )


def follow_folder(file: Path) -> None:
    """Record that what lies beside the database lies where the database is now.

    MLflow records absolute places. Where the folder was moved, renamed or copied they are those of
    the old one, in which nothing may be looked for or stored. Raises `InputError` when the database
    cannot be written.
    """
    folder = file.resolve().parent
    with closing(_connect(file)) as database:
        moved = [old for old in _folders(database) if old != folder]
        if not moved:
            return
        if not os.access(file, os.W_OK) or not os.access(folder, os.W_OK):
            raise InputError(
                f"The folder {folder} was moved here from {moved[0]}, which must be recorded in "
                f"{file}, but it cannot be written. Make the file and its folder writable."
            )
        with database:
            for old in moved:
                _replace(database, old, folder)


def _connect(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, timeout=SECONDS)


def _rows(database: sqlite3.Connection, tables: set[str], table: str) -> list[tuple[Any, ...]]:
    return database.execute(f"select * from {table}").fetchall() if table in tables else []


def _latest_version() -> str | None:
    """The version of the tables that MLflow makes."""
    from alembic.script import ScriptDirectory

    migrations = Path(mlflow.__file__).parent / "store" / "db_migrations"
    return ScriptDirectory(str(migrations)).get_current_head()


def _folders(database: sqlite3.Connection) -> set[Path]:
    """The folders of the database that experiments were made in."""
    folders = set()
    for name, location in database.execute("select name, artifact_location from experiments"):
        below = f"/{ARTIFACTS}/{quote(name)}"
        if location and location.startswith("file://") and location.endswith(below):
            folders.add(Path(local_file_uri_to_path(location.removesuffix(below))))
    return folders


def _replace(database: sqlite3.Connection, old: Path, new: Path) -> None:
    """Replace a folder in all places that are recorded below it."""
    for before, after in ((old.as_uri(), new.as_uri()), (str(old), str(new))):
        for table, column in LOCATIONS:
            database.execute(
                f"update {table} set {column} = ? || substr({column}, ?)"
                f" where substr({column}, 1, ?) = ?",
                [after, len(before) + 1, len(before) + 1, f"{before}/"],
            )
    # Exports lie in the project's folder, and may have been left behind.
    tag = f"{TAG}path"
    exports = database.execute("select distinct value from tags where key = ?", [tag]).fetchall()
    for (path,) in exports:
        if Path(path).is_relative_to(old.parent):
            moved = new.parent / Path(path).relative_to(old.parent)
            if moved.exists():
                change = "update tags set value = ? where key = ? and value = ?"
                database.execute(change, [str(moved), tag, path])
