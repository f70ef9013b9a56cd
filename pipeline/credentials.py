"""Passwords inside addresses: never shown."""

import os
import re
from urllib.parse import unquote

# http://name:password@host, where people write / and @ into passwords too; but http://host:5000/a@b.
_LOGIN = re.compile(r"(?<=://)(?:[^\s/?#:@]*:(?!\d+/)[^\s'\"]*|[^\s/?#'\"]+)@")
_OPTION = re.compile(r"(?<=password=)[^\s&'\"]+", re.IGNORECASE)


def redact(text: str) -> str:
    """`text` with *** for names and passwords in the addresses that it has."""
    return _OPTION.sub("***", _LOGIN.sub("***@", text))


def strip_credentials(address: str) -> str:
    """An http address of MLflow without its name and password, which go to MLflow's variables.

    So it can be passed on, printed and kept anywhere, and this process and those that it starts
    still get in. Other addresses are given back as they are.
    """
    scheme, _, rest = address.partition("://")
    authority, slash, path = rest.partition("/")
    login, at, host = authority.rpartition("@")
    name, colon, password = login.partition(":")
    if scheme not in ("http", "https") or not at or not colon:
        return address
    os.environ["MLFLOW_TRACKING_USERNAME"] = unquote(name)
    os.environ["MLFLOW_TRACKING_PASSWORD"] = unquote(password)
    os.environ["MLFLOW_TRACKING_URI"] = without = f"{scheme}://{host}{slash}{path}"
    return without
