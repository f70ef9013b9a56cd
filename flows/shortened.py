"""How a run ends that a time limit cut short: shown as shortened, with what is missing."""

from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.page.page import log
from flows.terminal import console
from pipeline.evaluation.summary import Summary

SHORTENED = "Shortened"


def shortened(reason: str, summary: Summary | None = None) -> State[Any]:
    """The state that the flow gives back: completed, with a name of its own.

    Without a summary nothing could be compared: the terminal is told, and whoever called the flow
    gets None.
    """
    if summary is None:
        console.print(f"{SHORTENED}. {reason}", soft_wrap=True)
        log(reason)
    return Completed(name=SHORTENED, message=reason, data=summary)
