"""Models in MLflow: logged, registered, downloaded."""

from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from mlflow.store.artifact.utils.models import get_model_name_and_version
from mlflow.types.schema import AnyType, ColSpec, Schema
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID
from pandas import DataFrame

from pipeline.errors import InputError
from pipeline.tracking.faults import raced
from pipeline.tracking.runs import StageRun
from pipeline.tracking.store import open_store
from pipeline.tracking.tracker import Tracker


def log_model(
    tracker: Tracker,
    run: StageRun,
    saved_model: Path,
    script: Path,
    example: Any,
    outputs: Any,
    endpoints: Sequence[str],
    packages: Sequence[str],
) -> str:
    """Log the SavedModel as an MLflow model whose code is the script; give back its URI.

    The signature is inferred from example rows and what `serve` gives for them; the parameter
    `endpoint` chooses another one. Of what goes in it has the names of a table's columns alone: the
    model takes any type, and says itself what is wrong, where MLflow would print all rows.
    """
    mlflow.set_tracking_uri(tracker.uri)
    signature = infer_signature(example, outputs, params={"endpoint": endpoints[0]})
    table = example.columns if isinstance(example, DataFrame) else ()
    signature.inputs = None
    if len(table):
        signature.inputs = Schema([ColSpec(AnyType(), name, required=False) for name in table])
    with mlflow.start_run(run_id=run.run_id):
        info = mlflow.pyfunc.log_model(
            name=saved_model.parent.name.replace(".", "-"),  # which MLflow takes in no name
            python_model=str(script),
            # Not the path, which MLflow takes for a URI where it has "%20" in it.
            artifacts={"saved_model": saved_model.resolve().as_uri()},
            signature=signature,
            input_example=example,
            pip_requirements=[f"{name}=={version(name)}" for name in packages],
        )
    return info.model_uri


class Registered(NamedTuple):
    """A version of a registered model."""

    uri: str
    """`models:/NAME@ALIAS`, or where the alias names a later version `models:/NAME/VERSION`."""
    version: int


def register(tracker: Tracker, model_uri: str, name: str, alias: str) -> Registered:
    """Register a logged model, once, and point the alias at it, unless it names a later version.

    So that a run whose model was exported before moves no alias back. Raises `InputError` when
    there is no such logged model.
    """
    mlflow.set_tracking_uri(tracker.uri)
    client = tracker.client
    with suppress(MlflowException):  # it exists, or another run made it meanwhile
        client.create_registered_model(name)
    try:
        model = mlflow.get_logged_model(model_uri.removeprefix("models:/"))
    except MlflowException as error:
        raise InputError(f"MLflow has no model {model_uri!r} any more: {error}") from error
    versions = client.search_model_versions(f"name = '{name}'")
    known = [version for version in versions if version.source == model_uri]
    registered = (
        known[0]
        if known
        else client.create_model_version(
            name, model_uri, model.source_run_id, model_id=model.model_id
        )
    )
    version = int(registered.version)
    if int(client.get_registered_model(name).aliases.get(alias, 0)) > version:
        return Registered(f"models:/{name}/{version}", version)
    raced(lambda: client.set_registered_model_alias(name, alias, str(version)))
    return Registered(f"models:/{name}@{alias}", version)


def download_model(uri: str, into: Path | None = None) -> Path:
    """The SavedModel inside a registered or logged model; `InputError` when there is none.

    It is copied into the folder, if one is given; else it is where MLflow has it, or where MLflow
    puts what comes from a server and nobody removes it.
    """
    open_store()
    dst = str(into) if into else None
    try:
        folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=dst))
    except (MlflowException, OSError) as error:
        raise InputError(f"MLflow has no model {uri!r}: {error}") from error
    found = sorted(folder.glob("artifacts/**/saved_model.pb"))
    if not found:
        raise InputError(f"The model {uri!r} is not one that Layerwise exported.")
    return found[0].parent


def pinned(uri: str) -> str:
    """`models:/NAME/VERSION` for what a URI of a registered model names now.

    It may name an alias or the latest version. Raises `InputError` when there is no such model.
    """
    client = open_store()
    try:
        match get_model_name_and_version(client, uri):
            case name, number:
                return f"models:/{name}/{client.get_model_version(name, number).version}"
            case _:  # a logged model, which is not registered
                return uri
    except MlflowException as error:
        raise InputError(f"MLflow has no model {uri!r}: {error}") from error


def run_of_model(uri: str) -> str:
    """The pipeline run that exported a registered model, `models:/NAME@ALIAS` or `.../VERSION`.

    Raises `InputError` when there is no such model, or another program registered it.
    """
    client = open_store()
    name, at, alias = uri.removeprefix("models:/").rpartition("@")
    try:
        if at:
            version = client.get_model_version_by_alias(name, alias)
        else:
            name, _, number = alias.rpartition("/")
            version = client.get_model_version(name, number)
        parent = client.get_run(version.run_id or "").data.tags.get(MLFLOW_PARENT_RUN_ID)
    except MlflowException as error:
        raise InputError(f"MLflow has no model {uri!r} with its run: {error}") from error
    if parent is None:
        raise InputError(f"The model {uri!r} is not one that Layerwise exported.")
    return parent
