"""How a flow with a page ends: as failed or refused with one message that says why."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from prefect.logging.loggers import get_run_logger
from prefect.states import Failed

from flows.failure import reason_of
from flows.interruption import interruption_behind
from flows.page.log import prepare_logs
from flows.page.page import page_open
from pipeline.errors import InputError

REFUSED = "Refused"
"""The name of the state of a run whose config or data cannot be used."""
P = ParamSpec("P")
R = TypeVar("R")


def shown_on_page(work: Callable[P, R]) -> Callable[P, R]:
    """A flow that has its page open, and shows why it failed there instead of a traceback.

    Whoever called it gets the exception.
    """

    @wraps(work)
    def shown(*args: P.args, **kwargs: P.kwargs) -> Any:
        prepare_logs()
        try:
            with page_open():
                return work(*args, **kwargs)
        except Exception as error:
            if interruption_behind(error):
                raise
            reason = reason_of(error)
            get_run_logger().error("%s", reason)
            name = REFUSED if isinstance(error, InputError) else None
            return Failed(name=name, message=reason, data=error)

    return shown
