"""Passwords and signatures inside addresses: never shown."""

import os
import re
from urllib.parse import unquote

# http://name:password@host, where people write / and @ into passwords too; but http://host:5000/a@b.
_LOGIN = re.compile(r"(?<=://)(?:[^\s/?#:@]*:(?!\d+/)[^\s'\"]*|[^\s/?#'\"]+)@")
_OPTION = re.compile(
    r"(password=|[?&][^\s&='\"]*(?:password|secret|signature|credential|token|sig|key)=)[^\s&'\"]+",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """`text` with *** for names, passwords and signatures in the addresses that it has."""
    return _OPTION.sub(r"\1***", _LOGIN.sub("***@", text))


def secret_in(address: str) -> str | None:
    """Why an address cannot be that of data, which is stored with each run; None: it can."""
    if "://" not in address or redact(address) == address:
        return None
    return (
        "An address of data is stored with each run, and must hold no password and no signature. "
        f"Given: {redact(address)}. Give it without: what gives access is read from where the "
        "provider's own tools have it, for https:// from ~/.netrc."
    )


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
