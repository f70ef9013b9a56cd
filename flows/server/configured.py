"""Prefect's server at the address that is configured: whether it answers, before it is needed."""

import httpx
from prefect.client.orchestration import get_client
from prefect.settings import (
    PREFECT_API_REQUEST_TIMEOUT,
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    temporary_settings,
)

from pipeline.credentials import redact
from pipeline.errors import InputError

SECONDS = 10


def check_prefect(api: str) -> None:
    """Raise `InputError` where none answers there within seconds, or something else does.

    Once work has begun Prefect's client waits for minutes, as the server may come back.
    """
    at_once = {
        PREFECT_API_URL: api,
        PREFECT_API_REQUEST_TIMEOUT: SECONDS,
        PREFECT_CLIENT_MAX_RETRIES: 0,
    }
    try:
        with temporary_settings(at_once), get_client(sync_client=True) as client:
            answer = client.request("GET", "/health")
    except httpx.HTTPStatusError:
        return  # it answers: to a request with a password it may say more
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        raise InputError(_message(f"No Prefect server answers at {api} ({reason}).")) from error
    if "html" in answer.headers.get("content-type", ""):
        raise InputError(_message(f"What answers at {api} is a page, not Prefect's API."))


def _message(problem: str) -> str:
    return redact(
        f"{problem} Set PREFECT_API_URL to a server that runs: `prefect server start` is one at "
        "http://127.0.0.1:4200/api. `layerwise run` needs none: unset PREFECT_API_URL."
    )
