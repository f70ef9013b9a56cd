"""How a failure is shown on the page of its run: by one message that says why."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from prefect.logging.loggers import get_run_logger
from prefect.states import Failed

from flows.failure import reason_of
from flows.interruption import interruption_behind
from flows.page.page import page_open
from pipeline.errors import InputError

REFUSED = "Refused"
"""The name of the state of a run whose config or data cannot be used."""
P = ParamSpec("P")
R = TypeVar("R")


def refused_with_reason(work: Callable[P, R]) -> Callable[P, R]:
    """A flow or task that ends as refused, without a traceback, on an `InputError`.

    Whoever called it gets the exception.
    """

    @wraps(work)
    def refusing(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            return work(*args, **kwargs)
        except InputError as error:
            return Failed(name=REFUSED, message=_logged(error), data=error)

    return refusing


def shown_on_page(work: Callable[P, R]) -> Callable[P, R]:
    """A flow that has its page open, and ends as refused or failed without a traceback.

    Whoever called it gets the exception.
    """

    @wraps(work)
    def failing(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            with page_open():
                return refused_with_reason(work)(*args, **kwargs)
        except Exception as error:
            if interruption_behind(error):
                raise
            return Failed(message=_logged(error), data=error)

    return failing


def _logged(error: Exception) -> str:
    reason = reason_of(error)
    get_run_logger().error("%s", reason)
    return reason
