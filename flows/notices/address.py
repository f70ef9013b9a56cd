"""Where notices go: an http address, or the name of an environment variable that holds one.

Prefect stores the parameters of a run where its users can read them, so that an address with a
password or a token is named, and read by the process that runs the flow.
"""

import os
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from pipeline.credentials import redact
from pipeline.errors import InputError

PATTERN = r"^(https?://[^\s/?#@]+([/?#]\S*)?|\$[A-Za-z_][A-Za-z0-9_]*)$"
NotifyAddress = Annotated[str, Field(pattern=PATTERN)]
"""As it is a parameter of the flow: Prefect's form refuses what is none."""


def check_notify(notify: str) -> None:
    """Raise `InputError` for what is neither an http address without a password nor a $NAME."""
    if not re.fullmatch(PATTERN, notify) or redact(notify) != notify:
        raise InputError(
            "--notify needs an http or https address without a password or a token, which Prefect "
            "would show, or the name of an environment variable that holds the address, as '$NAME'."
            f" Given: {redact(notify)!r}."
        )


def address_of(notify: str) -> str:
    """The address itself. Raises `InputError` where the variable that is named holds none."""
    check_notify(notify)
    if not notify.startswith("$"):
        return notify
    address = os.environ.get(notify[1:], "")
    if urlsplit(address).scheme not in ("http", "https"):
        raise InputError(
            f"--notify names the environment variable {notify[1:]}, which must hold an http or "
            f"https address. It {'holds something else' if address else 'is not set'}."
        )
    return address
