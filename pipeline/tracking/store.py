"""Where the store is, and opening it."""

import os
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import mlflow
from mlflow.tracking import MlflowClient

from pipeline.credentials import redact, strip_credentials
from pipeline.errors import InputError
from pipeline.files import check_writable
from pipeline.tracking.database import (
    check_database,
    check_environment,
    follow_folder,
    make_database,
)

STORE = "mlruns"


def tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI`, or SQLite in `mlruns/` of the working directory.

    Without name and password where it is an http address, see `strip_credentials`; and SQLite with
    its whole path, because a worker of a pool is handed the address, and works elsewhere.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if not given:
        return f"sqlite:///{_default_folder()}/mlflow.db"
    if file := database_file(given):
        _, question_mark, options = given.partition("?")
        return f"sqlite:///{file.resolve()}{question_mark}{options}"
    return strip_credentials(given)


def _default_folder() -> Path:
    folder = Path(STORE).resolve()
    if "?" in str(folder):
        raise InputError(
            f"The address of a database cannot have a question mark in it, as the folder {folder} "
            "has. Rename it, or set MLFLOW_TRACKING_URI."
        )
    return folder


def scratch_folder() -> Path:
    """The folder of checkpoints, prepared rows and codes, wherever a run of the store starts.

    `LAYERWISE_SCRATCH`; else beside the database of a local store, because a worker starts each run
    in a new folder, which goes with it; else, for a store on another machine, in the user's home.
    Raises `InputError` where it cannot be made.
    """
    file = database_file(tracking_uri())
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    folder = file.parent / "scratch" if file else Path(data).expanduser() / "layerwise" / "scratch"
    folder = Path(os.environ.get("LAYERWISE_SCRATCH") or folder).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder of checkpoints and prepared rows, {folder}, cannot be made "
            f"({error.strerror}). Set LAYERWISE_SCRATCH to one that can."
        ) from error
    return folder


def check_store() -> None:
    """Raise `InputError` when nothing answers at the tracking address, before a run waits for it.

    Once a run has begun a store that is away is waited for, as it may come back.
    """
    uri = tracking_uri()
    if not uri.startswith(("http://", "https://")):
        return
    experiments = f"{uri.rstrip('/')}/api/2.0/mlflow/experiments/search?max_results=1"
    try:
        with urllib.request.urlopen(experiments, timeout=10) as answer:
            page = answer.headers.get_content_type() == "text/html"
    except urllib.error.HTTPError as refusal:
        page = refusal.code == 404  # else it may say more to who has a password
    except OSError as error:
        raise InputError(
            f"No MLflow server answers at {uri} ({error}). Start it, or unset MLFLOW_TRACKING_URI: "
            "then the store is in mlruns/ of this folder."
        ) from error
    if page:
        raise InputError(
            f"What answers at {uri} is no MLflow server, perhaps a proxy's page. Set "
            "MLFLOW_TRACKING_URI to one, or unset it: then the store is in mlruns/ of this folder."
        )


def check_store_writable() -> None:
    """Raise `InputError` where a local store is there, but no run can be recorded in it."""
    file = database_file(tracking_uri())
    if not file or not file.exists():
        return
    cure = "Runs are recorded there: make it writable, or set MLFLOW_TRACKING_URI."
    check_writable(file.parent, cure)
    if not os.access(file, os.W_OK):
        raise InputError(f"{file} cannot be written. {cure}")


def make_store(uri: str) -> MlflowClient:
    """Open the store, which is made when it is not there yet.

    Raises `InputError` for a database that is half made.
    """
    file = database_file(uri)
    if file and not file.exists():
        check_environment()
        try:
            make_database(file)
        except OSError as error:
            raise InputError(
                f"The store of runs cannot be made in {file.parent}: {error.strerror}. Make that "
                "folder writable, go to another one, or set MLFLOW_TRACKING_URI."
            ) from error
    return _open(uri, file)


def open_store() -> MlflowClient:
    """Open the store at the tracking address; none is made only to be read.

    Raises `InputError` when there is none, or a half made one.
    """
    check_store()
    uri = tracking_uri()
    file = database_file(uri)
    if file and not file.exists():
        raise InputError(f"There is no MLflow store at {uri}. Start a run first: layerwise run.")
    return _open(uri, file)


def database_file(uri: str) -> Path | None:
    """The file of an SQLite store; None for a store of another kind."""
    path, _, _ = uri.partition("?")
    return Path(path.removeprefix("sqlite:///")) if path.startswith("sqlite:///") else None


def _open(uri: str, file: Path | None) -> MlflowClient:
    if uri.startswith(("postgresql", "mysql", "mssql")):
        raise InputError(
            f"MLFLOW_TRACKING_URI is a database, {redact(uri)}, beside which MLflow would keep "
            "artifacts in the folder that a run happens to start in. Start `mlflow server "
            "--backend-store-uri` with it and give the server's address: docs/postgres.md."
        )
    if urlsplit(uri).scheme in ("", "file"):
        raise InputError(
            f"MLFLOW_TRACKING_URI is a folder of files, {uri}, which MLflow has given up. Set it "
            "to a database, sqlite:///PATH, or unset it: then the store is in mlruns/ of this "
            "folder."
        )
    if file:
        check_environment()
        check_database(file)
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(uri)
    if file:
        follow_folder(file)
    return client
