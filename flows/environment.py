"""The environment that the program works in: what must hold in it, and other programs' chatter.

Call before TensorFlow or Prefect is imported.
"""

import logging
import os
import warnings

from pipeline.cores import cores

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def set_environment(verbose: bool) -> None:
    """Settings that hold for this process and those that it starts.

    A user's own settings win, but for those that would stop the program.
    """
    os.environ |= _required()
    if not verbose:
        warnings.filterwarnings("ignore")
        # Prefect's queues have loggers of their own, which tell of every item that is left.
        queues = ("EventsWorker", "APILogWorker")
        libraries = ("alembic", "mlflow", "tensorflow", "absl", "httpx", "prefect", "urllib3")
        for name in (*libraries, *queues):
            logging.getLogger(name).setLevel(logging.ERROR)
    for name, value in defaults(verbose).items():
        os.environ.setdefault(name, value)


def defaults(verbose: bool) -> dict[str, str]:
    """Settings that hold where the user has none."""
    settings = {
        # Nothing that a user runs here is reported to anyone.
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        # What is logged outside of a flow run has no page to be shown on.
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        # By itself TensorFlow counts the machine's cores, of which a container may have few.
        "TF_NUM_INTRAOP_THREADS": str(cores()),
        # A store that is away is waited for, up to eight minutes: see `check_store`.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "9",
    }
    if not verbose:
        settings |= {
            "PREFECT_LOGGING_LEVEL": "CRITICAL",
            "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
            "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "MLFLOW_LOGGING_LEVEL": "CRITICAL",
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        }
    return settings


def _required() -> dict[str, str]:
    """What holds whatever the user has set, for nothing would work otherwise."""
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    direct = ",".join(dict.fromkeys([*filter(None, given.split(",")), *LOOPBACK]))
    return {
        "KERAS_BACKEND": "tensorflow",
        # No proxy leads to servers on this machine. Programs read the one name or the other.
        "no_proxy": direct,
        "NO_PROXY": direct,
        # Or a file of the current folder that is called like a package would be run in its place.
        "PYTHONSAFEPATH": "1",
    }
