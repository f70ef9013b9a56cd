"""The command line: a file for each group of commands, which it adds to `group.main`.

Each command imports what it needs when it is called, so that `--help` answers at once.
"""

from flows.cli import (  # noqa: F401
    clean,
    compare,
    describe,
    inference,
    promotion,
    run,
    schedule,
    services,
    status,
)
from flows.cli.group import main
from flows.interpreter import leave_at_once_after


def program() -> None:
    """What a shell runs as `layerwise`."""
    leave_at_once_after(main)
