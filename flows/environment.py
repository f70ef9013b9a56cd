"""Other programs' chatter: off unless asked for. Call before TensorFlow or Prefect is imported."""

import logging
import os
import warnings

from pipeline.cores import cores


def set_environment(verbose: bool) -> None:
    """Settings that hold for this process and those that it starts; a user's own settings win."""
    settings = {
        # Nothing that a user runs here is reported to anyone.
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "KERAS_BACKEND": "tensorflow",
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
        warnings.filterwarnings("ignore")
        for name in ("alembic", "mlflow", "tensorflow", "absl", "httpx", "prefect", "urllib3"):
            logging.getLogger(name).setLevel(logging.ERROR)
    for name, value in settings.items():
        os.environ.setdefault(name, value)
