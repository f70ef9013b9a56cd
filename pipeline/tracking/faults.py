"""Which errors may pass by themselves."""

from collections.abc import Callable
from typing import Any

from mlflow.exceptions import MlflowException

WRONG_PATH = (
    FileNotFoundError,
    FileExistsError,
    PermissionError,
    IsADirectoryError,
    NotADirectoryError,
)
"""A path that is not what it should be stays so until somebody mends it."""


def transient(error: BaseException) -> bool:
    """Whether the same work may succeed later: the disk, the network or the store failed."""
    if isinstance(error, MlflowException):
        return error.error_code in ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE")
    return isinstance(error, OSError) and not isinstance(error, WRONG_PATH)


def raced(write: Callable[[], Any]) -> None:
    """Write what other runs may write at the same moment, of a name that the store has once.

    MLflow looks whether it is there and then makes it, which the database refuses to all but the
    first: the others find it when they look again.
    """
    try:
        write()
    except MlflowException:
        write()
