"""Before TensorFlow, MLflow or Prefect is imported: their chatter off, as on the command line."""

import gc
import sqlite3
from typing import Any

from sqlalchemy import Engine, event

from flows.environment import set_environment

set_environment(verbose=False)
# Prefect closes the log handlers that there are when it is imported. That of TensorFlow would close
# with them the stream that pytest captures, so that Prefect comes first.
import prefect.main  # noqa: E402, F401

# Tracing makes objects by the hundred thousand and no garbage: a tenth of all time was the
# collector's.
gc.set_threshold(50_000)


@event.listens_for(Engine, "connect")
def _no_waiting_for_the_disk(connection: Any, _: object) -> None:
    """No test cuts the power: 400 commits of a whole run need not reach the disk one by one."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF").close()
