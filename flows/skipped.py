"""How a run ends that had no reason to begin its work: shown as skipped, with the reason."""

from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed

SKIPPED = "Skipped"


def skipped(reason: str) -> State[Any]:
    """The state that a flow gives back instead of a result: completed, with a name of its own.

    Whoever called the flow gets None.
    """
    return Completed(name=SKIPPED, message=reason)
