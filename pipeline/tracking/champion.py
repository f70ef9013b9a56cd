"""The model in service: the alias `champion` of a registered model, and `previous` to go back to.

Whoever moves them holds the promotion lock.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from pipeline.config.gate import CHAMPION, PREVIOUS
from pipeline.errors import InputError, nearest
from pipeline.tracking.runs import TAG
from pipeline.tracking.store import database_file, open_store, tracking_uri

ROLLED_BACK = f"{TAG}rolled_back"
"""The tag of a version that was taken out of service: when. No run promotes it again."""
PROMOTED = f"{TAG}promoted"
"""The tag of a version: when it became the champion."""


class Champion(NamedTuple):
    """What is in service of one registered model."""

    model: str
    champion: int | None
    """Its version."""
    previous: int | None
    since: str | None
    """When it became the champion, ISO 8601 in UTC."""


def champions() -> list[Champion]:
    """Of every registered model, by its name; none where there is no store yet.

    Raises `InputError` where a store is configured that does not answer.
    """
    file = database_file(tracking_uri())
    if file and not file.exists():
        return []
    client = open_store()
    models = []
    token = None
    while token is None or token:
        page = client.search_registered_models(page_token=token)
        models += [model.name for model in page]
        token = page.token or ""
    return [champion_of(name, client) for name in models]


def champion_of(model: str, client: MlflowClient) -> Champion:
    """What is in service of a registered model; nothing of one that is not there."""
    try:
        aliases = client.get_registered_model(model).aliases
    except MlflowException:
        aliases = {}
    champion, previous = (
        int(aliases[alias]) if alias in aliases else None for alias in (CHAMPION, PREVIOUS)
    )
    since = None
    if champion is not None:
        since = client.get_model_version(model, str(champion)).tags.get(PROMOTED)
    return Champion(model, champion, previous, since)


def run_of_version(client: MlflowClient, model: str, version: int) -> str:
    """The export that made a version; "" where another program registered it."""
    return client.get_model_version(model, str(version)).run_id or ""


def was_rolled_back(client: MlflowClient, model: str, version: int) -> bool:
    """Whether a version was taken out of service, and not promoted by hand since."""
    return ROLLED_BACK in client.get_model_version(model, str(version)).tags


def move_champion(client: MlflowClient, model: str, version: int, now: Champion) -> None:
    """Make a version the champion, and the one that is it now `previous`.

    In this order: one that is killed in between leaves the champion where it is.
    """
    if now.champion is not None:
        client.set_registered_model_alias(model, PREVIOUS, str(now.champion))
    client.set_registered_model_alias(model, CHAMPION, str(version))
    client.set_model_version_tag(model, str(version), PROMOTED, _now())


def promote(model: str, version: int, expected: int | None) -> Champion:
    """Make a version the champion by hand; give back what was in service before.

    In favour of an earlier one the present champion is taken out of service, as by a rollback.
    `expected` is the champion that whoever promotes has seen: where it is another one by now
    `InputError` is raised, and for a version that there is not.
    """
    client, now = _expected(model, expected)
    tags = _version(client, model, version).tags
    if now.champion == version:
        raise InputError(f"Version {version} of {model} is the champion already.")
    if now.champion is not None and version < now.champion:
        client.set_model_version_tag(model, str(now.champion), ROLLED_BACK, _now())
    move_champion(client, model, version, now)
    if ROLLED_BACK in tags:
        client.delete_model_version_tag(model, str(version), ROLLED_BACK)
    return now


def roll_back(model: str, expected: int | None) -> Champion:
    """Make `previous` the champion again; give back what was in service before.

    The version that was in service is marked, so that no run promotes it again, and `previous` is
    removed: nobody goes back twice to where they came from. Raises `InputError` where there is no
    previous model.
    """
    client, now = _expected(model, expected)
    if now.previous is None or now.previous == now.champion:
        raise InputError(
            f"The model {model} has no previous champion to go back to. Name a version: layerwise "
            f"promote {model} VERSION."
        )
    _version(client, model, now.previous)
    if now.champion is not None:
        client.set_model_version_tag(model, str(now.champion), ROLLED_BACK, _now())
    client.set_registered_model_alias(model, CHAMPION, str(now.previous))
    client.delete_registered_model_alias(model, PREVIOUS)
    client.set_model_version_tag(model, str(now.previous), PROMOTED, _now())
    return now


def seen_champion(model: str) -> Champion:
    """What is in service now. Raises `InputError` for a model that there is not."""
    client = open_store()
    try:
        client.get_registered_model(model)
    except MlflowException as error:
        known = [found.model for found in champions()]
        raise InputError(f"There is no registered model {model!r}.{nearest(model, known)}") from (
            error
        )
    return champion_of(model, client)


def _expected(model: str, expected: int | None) -> tuple[MlflowClient, Champion]:
    now = seen_champion(model)
    if now.champion != expected:
        raise InputError(
            f"The champion of {model} became version {now.champion} meanwhile; it was "
            f"{'none' if expected is None else f'version {expected}'} when this command began. "
            "Nothing was moved: look at it (layerwise status), and give the command again if it is "
            "still wanted."
        )
    return open_store(), now


def _version(client: MlflowClient, model: str, version: int) -> ModelVersion:
    try:
        return client.get_model_version(model, str(version))
    except MlflowException as error:
        found = client.search_model_versions(f"name = '{model}'")
        known = ", ".join(str(n) for n in sorted(int(v.version) for v in found))
        raise InputError(
            f"The model {model} has no version {version}. Valid: {known or '(none)'}."
        ) from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
