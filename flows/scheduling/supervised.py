"""What a flow does where a deployment runs it: it takes turns and heeds Cancel and Suspend."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.exceptions import Pause
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Cancelled

from flows.interruption import interruption_behind
from flows.scheduling.cancelling import StoppedOnPage, stopped_on_page
from flows.scheduling.dead_runs import close_dead_runs, record_process
from flows.scheduling.overlap import skip_missed_runs, wait_for_turn
from flows.scheduling.repeated import repeated
from flows.skipped import skipped
from flows.terminal import outlive_readers

SECONDS = 10.0
"""Between two looks of a process that serves deployments."""
PATIENCE = 7
"""Tries of Prefect's client, each after twice the time: a server may be away for four minutes."""
P = ParamSpec("P")
R = TypeVar("R")


def supervised(work: Callable[P, R]) -> Callable[P, R]:
    """A flow that, under a deployment, runs when its turn has come and ends when it is cancelled.

    One that is suspended ends as well; resumed, it begins in another process.

    Without a deployment, as in `layerwise run`, nothing is added.
    """

    @wraps(work)
    def begin(*args: P.args, **kwargs: P.kwargs) -> Any:
        context = FlowRunContext.get()
        run = context.flow_run if context else None
        if run is None or run.deployment_id is None:
            return work(*args, **kwargs)
        outlive_readers()
        try:
            with get_client(sync_client=True) as client:
                record_process(client, run)
            patient = temporary_settings({PREFECT_CLIENT_MAX_RETRIES: PATIENCE})
            with patient, stopped_on_page(run.id):
                with get_client(sync_client=True) as client:
                    if reason := wait_for_turn(client, run):
                        return skipped(reason)
                return work(*args, **kwargs)
        except BaseException as error:
            stopped = interruption_behind(error)  # a thread may have raised it
            if not isinstance(stopped, StoppedOnPage):
                raise
            if not (stopped.state.is_cancelling() or stopped.state.is_cancelled()):
                raise Pause(state=stopped.state) from None
            assert context and context.flow
            state: State[Any] = Cancelled(message="A later run goes on where this one was.")
            # Prefect leaves these to its observer, which has ended where we were the ones to stop.
            for hook in context.flow.on_cancellation_hooks:
                hook(context.flow, run, state)
            return state

    return begin


@contextmanager
def looked_after(flows: Mapping[str, Flow[..., Any]]) -> Iterator[None]:
    """While the block serves deployments, by FLOW/NAME, their dead and missed runs are closed."""

    def look() -> None:
        with get_client(sync_client=True) as client:
            for name, flow in flows.items():
                found = str(client.read_deployment_by_name(name).id)
                runs = FlowRunFilter.model_validate({"deployment_id": {"any_": [found]}})
                close_dead_runs(client, runs)
                for run, state in skip_missed_runs(client, runs):
                    for hook in flow.on_completion_hooks:
                        hook(flow, run, state)

    with repeated(look, SECONDS):
        yield
