"""Which errors may pass."""

from mlflow.exceptions import MlflowException


def transient(error: BaseException) -> bool:
    """Whether the same work may succeed later: the disk, the network or the store failed."""
    if isinstance(error, MlflowException):
        return error.error_code in ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE")
    return isinstance(error, OSError)
