"""A source behind s3://, gs:// or https://: the files that it names, and how they come here."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from fsspec import AbstractFileSystem, filesystem
from fsspec.callbacks import Callback

from pipeline.credentials import redact
from pipeline.data.sources.remote import PACKAGES
from pipeline.data.sources.remote.copies import check_room, kept
from pipeline.errors import InputError

ACCESS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile; FSSPEC_S3_ANON=true for a "
    "public bucket",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS; FSSPEC_GS_TOKEN=anon for a public bucket",
    "http": "a line for the machine in ~/.netrc",
    "https": "a line for the machine in ~/.netrc",
}
"""What gives access, by scheme."""
TRIES = 3
"""How often a file is copied that changes meanwhile."""
MAX_FILES = 10_000
"""Of one source."""
_CONNECT, _SILENT = 10, 60
"""Seconds until a server that does not answer, or stops answering, is given up."""
_MAGIC = "*?["
_TAGS = ("ETag", "etag", "generation", "Content-MD5", "Digest", "Last-Modified", "LastModified")
"""What servers call what tells the states of a file apart, the surest first."""


def local_copy(spec: str) -> str:
    """The path of a copy of a file, or of a folder with copies of those of a folder or a pattern.

    What was copied before in the state in which it is now, by tag and length, is not copied again.

    Raises:
        InputError: for what is not there, may not be read, does not fit the disk or has no package.
        ConnectionError: where the server does not answer.
    """
    scheme = spec.partition("://")[0]
    with _explained(spec, scheme):
        files = _opened(scheme)
        path = files._strip_protocol(spec)
        if scheme in ("http", "https"):
            return str(_copy(files, path, spec))
        if not any(sign in path for sign in _MAGIC) and files.info(path)["type"] == "file":
            return str(_copy(files, path, spec))
        return str(_copies(files, path.rstrip("/"), spec))


def _opened(scheme: str) -> AbstractFileSystem:
    """The file system of a scheme, which finds credentials where the provider's own tools do."""
    options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
    if scheme == "s3":
        options["config_kwargs"] = {"connect_timeout": _CONNECT, "read_timeout": _SILENT}
    elif scheme == "gs":
        logging.getLogger("gcsfs").setLevel(logging.CRITICAL)  # it prints each failed try
    else:
        from aiohttp import ClientTimeout

        timeout = ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=_SILENT)
        options["headers"] = {"Accept-Encoding": "identity"}  # so that lengths are the file's
        options["client_kwargs"] = {"timeout": timeout, "trust_env": True}
    return filesystem(scheme, **options)


class _ChangedError(Exception):
    """A file is another one after it was copied."""


def _copy(files: AbstractFileSystem, path: str, spec: str) -> Path:
    """The copy of one file, which keeps its name."""
    name = _name_of(path, spec)

    def fetch(folder: Path) -> None:
        check_room(size or 0, spec)
        files.get_file(path, str(folder / name), callback=_Watched(spec))
        came = (folder / name).stat().st_size
        if size is not None and came != size:
            raise ConnectionError(f"{came:,} of {size:,} bytes came")
        if _state(files.info(path)) != state:
            raise _ChangedError

    for _ in range(TRIES):
        found = files.info(path)
        state, size = _state(found), found.get("size")
        with suppress(_ChangedError):
            return kept(files.unstrip_protocol(path), state, fetch) / name
    raise InputError(f"{spec} changes while it is copied. Name a file that stays as it is.")


def _name_of(path: str, spec: str) -> str:
    given = unquote(urlsplit(path).path) if spec.startswith("http") else path
    name = PurePosixPath(given).name
    return name if name not in ("", "..") and "\0" not in name else "file"


def _state(found: dict[str, Any]) -> str | None:
    """What tells the states of a file apart; None where the server says nothing that does."""
    tag = next((str(found[key]) for key in _TAGS if found.get(key)), None)
    return None if tag is None else f"{tag} {found.get('size')}"


class _Watched(Callback):
    """Stops a file that fills the disk, whatever length the server says that it has."""

    def __init__(self, spec: str):
        super().__init__()
        self.spec = spec

    def relative_update(self, inc: int = 1) -> None:
        """Called for each part that came."""
        check_room(0, self.spec)


def _copies(files: AbstractFileSystem, path: str, spec: str) -> Path:
    """The copy of a folder, or of what a pattern names; it is called as the folder is."""
    fixed = list(takewhile(lambda part: not any(sign in part for sign in _MAGIC), path.split("/")))
    base = "/".join(fixed)
    listed = files.find(path, detail=True) if base == path else files.glob(path, detail=True)
    names = sorted(name for name, found in listed.items() if found["type"] == "file")
    if not names:
        raise FileNotFoundError(spec)
    if len(names) > MAX_FILES:
        raise InputError(
            f"A source has {MAX_FILES:,} files at most. {spec} names {len(names):,}. Narrow it."
        )
    copies = {name.removeprefix(base + "/"): _copy(files, name, spec) for name in names}

    def gather(folder: Path) -> None:
        for name, copy in copies.items():
            place = folder / fixed[-1] / name
            if ".." in place.parts or not place.is_relative_to(folder):
                raise InputError(f"{spec} has a file whose name leads elsewhere: {name!r}.")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.hardlink_to(copy)

    state = "\n".join(f"{name} {copy}" for name, copy in copies.items())
    return kept(spec, state, gather) / fixed[-1]


@contextmanager
def _explained(spec: str, scheme: str) -> Iterator[None]:
    """Errors of servers and of the packages that speak with them, as messages for people."""
    try:
        yield
    except InputError:
        raise
    except ImportError as error:
        package = PACKAGES[scheme]
        raise InputError(
            f"{scheme}:// needs the package {package}, which is not installed. Install it: "
            f"pip install {package}"
        ) from error
    except Exception as error:  # each package has exceptions of its own
        behind = error.__cause__ or error
        said = redact(str(behind) or type(behind).__name__).strip().splitlines()[0].rstrip(".")
        match _status(error):
            case 404:
                raise InputError(f"There is nothing at {redact(spec)}. Correct it.") from error
            case 401 | 403:
                raise InputError(
                    f"{redact(spec)} may not be read ({said}). What gives access: {ACCESS[scheme]}."
                ) from error
        raise ConnectionError(
            f"{redact(spec)} cannot be copied: {said}. Is the server there, and reachable?"
        ) from error


def _status(error: BaseException) -> int | None:
    """The HTTP status that an error, or what it comes from, says or means."""
    answer = getattr(error, "response", None)
    if isinstance(answer, dict):  # of botocore
        return answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    for name in ("status", "code"):
        if isinstance(status := getattr(error, name, None), int):
            return status
    if type(error).__name__ in ("NoCredentialsError", "DefaultCredentialsError"):
        return 401
    if error.__cause__ is not None:
        return _status(error.__cause__)
    return 404 if isinstance(error, FileNotFoundError) else None
