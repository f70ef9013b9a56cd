"""Which server answers at an address of this machine or another one."""

import re
import socket
import urllib.error
import urllib.request
from typing import NamedTuple

from flows.server.loopback import HOST

SECONDS = 10
"""A server on busy cores may take some before it answers."""


class Answer(NamedTuple):
    """Of a server, which may be that it wants a password."""

    status: int
    text: str
    realm: str
    """What the password is for, where one is wanted."""


def answer(url: str, seconds: float = SECONDS) -> Answer | None:
    """What a server says there; None where nothing, or nothing that speaks HTTP, answers."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as found:
            return Answer(found.status, found.read(1000).decode(errors="replace"), "")
    except urllib.error.HTTPError as refusal:
        text = refusal.read(1000).decode(errors="replace")
        return Answer(refusal.code, text, refusal.headers.get("WWW-Authenticate") or "")
    except (OSError, ValueError):
        return None


def is_prefect(address: str) -> bool:
    """Whether a Prefect server answers at the address (of its page)."""
    match answer(f"{address}/api/health"):
        case Answer(200, text):
            return text.strip() == "true"
        case Answer(401, text):
            return "exception_message" in text
    return False


def is_mlflow(address: str) -> bool:
    """Whether an MLflow server answers at the address."""
    match answer(f"{address}/version"):
        case Answer(200, text):
            return bool(re.fullmatch(r"\d+\.\d+\S*", text.strip()))
        case Answer(401, _, realm):
            return "mlflow" in realm
    return False


def is_taken(port: int) -> bool:
    """Whether some program listens at the port of this machine."""
    try:
        socket.create_connection((HOST, port), timeout=SECONDS).close()
    except OSError:
        return False
    return True
