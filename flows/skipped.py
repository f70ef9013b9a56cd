"""How a run ends that had no reason to begin its work: shown as skipped, with the reason."""

from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.terminal import console

SKIPPED = "Skipped"


def skipped(reason: str) -> State[Any]:
    """The state that a flow gives back instead of a result: completed, with a name of its own.

    The terminal is told too. Whoever called the flow gets None.
    """
    console.print(f"{SKIPPED}. {reason}", soft_wrap=True)
    return skipped_state(reason)


def too_late() -> Any:
    """The state of a trial for which a time limit left no time. Whoever waits for it gets None."""
    return skipped_state("It would have ended after the time limit.")


def skipped_state(reason: str) -> State[Any]:
    """The state alone, for a run that was not begun."""
    return Completed(name=SKIPPED, message=reason)
