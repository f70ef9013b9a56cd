"""What is deployed on Prefect's server, asked over its REST API.

Prefect's own client takes longer to import than all else that `layerwise status` does.
"""

import os
import tomllib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from pipeline.credentials import redact

SECONDS = 10
"""How long the server is waited for."""
FLOWS = "layerwise"
"""What the names of our flows begin with."""


class DeploymentStatus(NamedTuple):
    """One deployment, its next run and its last."""

    name: str
    schedules: list[str]
    paused: bool
    next_run: datetime | None
    last_run: str | None
    """Its name."""
    last_state: str | None
    last_message: str | None


class Deployments(NamedTuple):
    """What the server says, or why it says nothing."""

    server: str
    """Its address, without passwords."""
    found: list[DeploymentStatus]
    problem: str | None


def deployments() -> Deployments | None:
    """The deployments on the server that is configured; None where none is."""
    settings = _settings()
    url = settings.get("PREFECT_API_URL")
    if not url:
        return None
    shown = redact(url)
    try:
        with _client(url, settings) as client:
            return Deployments(shown, _deployments(client), None)
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        cure = " Set PREFECT_API_AUTH_STRING or PREFECT_API_KEY." if status in (401, 403) else ""
        return Deployments(shown, [], f"it answers with status {status}.{cure}")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        reason = redact(str(error)) or type(error).__name__
        return Deployments(shown, [], f"it does not answer ({reason}).")


def _settings() -> dict[str, str]:
    """Prefect's settings: those of the environment before those of the active profile."""
    home = Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
    file = Path(os.environ.get("PREFECT_PROFILES_PATH") or home / "profiles.toml")
    try:
        profiles = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        profiles = {}
    active = os.environ.get("PREFECT_PROFILE") or profiles.get("active")
    return profiles.get("profiles", {}).get(active, {}) | os.environ


def _client(url: str, settings: dict[str, str]) -> httpx.Client:
    headers, login = {}, None
    if given := settings.get("PREFECT_API_AUTH_STRING"):
        name, _, password = given.partition(":")
        login = httpx.BasicAuth(name, password)
    elif key := settings.get("PREFECT_API_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    return httpx.Client(base_url=url, headers=headers, auth=login, timeout=SECONDS)


def _deployments(client: httpx.Client) -> list[DeploymentStatus]:
    ours = {"flows": {"name": {"like_": FLOWS}}, "sort": "NAME_ASC"}
    return [_status(client, found) for found in _ask(client, "deployments", ours)]


def _status(client: httpx.Client, deployment: dict[str, Any]) -> DeploymentStatus:
    scheduled = {"state": {"type": {"any_": ["SCHEDULED"]}}}
    begun = {"state": {"type": {"not_any_": ["SCHEDULED"]}}}
    next_run = _first_run(client, deployment, scheduled, "NEXT_SCHEDULED_START_TIME_ASC")
    last = _first_run(client, deployment, begun, "EXPECTED_START_TIME_DESC")
    return DeploymentStatus(
        name=deployment["name"],
        schedules=[_words(s["schedule"]) for s in deployment["schedules"] if s["active"]],
        paused=deployment["paused"],
        next_run=datetime.fromisoformat(next_run["expected_start_time"]) if next_run else None,
        last_run=last["name"] if last else None,
        last_state=last["state_name"] if last else None,
        last_message=redact((last.get("state") or {}).get("message") or "") if last else None,
    )


def _first_run(
    client: httpx.Client, deployment: dict[str, Any], which: dict[str, Any], sort: str
) -> dict[str, Any] | None:
    runs = {"deployment_id": {"any_": [deployment["id"]]}, **which}
    return next(
        iter(_ask(client, "flow_runs", {"flow_runs": runs, "sort": sort, "limit": 1})), None
    )


def _ask(client: httpx.Client, what: str, query: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.post(f"/{what}/filter", json=query)
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()
    return found


def _words(schedule: dict[str, Any]) -> str:
    """A schedule as it was asked for, with the zone that it is in."""
    zone = schedule.get("timezone") or "UTC"
    if "interval" in schedule:
        return f"every {timedelta(seconds=schedule['interval'])}"
    return f"{schedule.get('cron') or schedule.get('rrule')} ({zone})"
