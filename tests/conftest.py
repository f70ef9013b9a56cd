"""Before TensorFlow, MLflow or Prefect is imported: their chatter off, as on the command line."""

import gc
import os
import sqlite3
from typing import Any

from sqlalchemy import Engine, event

from flows.environment import defaults, set_environment

# As in a shell that sets none of them: what is tested says itself what it needs.
for name in (*defaults(verbose=False), "PYTHONWARNINGS"):
    os.environ.pop(name, None)
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
