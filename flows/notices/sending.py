"""Sending a notice: Prefect's hook of a flow that ends, however it does."""

import threading
from typing import Any

import httpx
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.logging.loggers import flow_run_logger

from flows.notices.address import address_of
from flows.notices.notice import MLFLOW_PAGE, RUN_ID, Notice, notice_of
from flows.terminal import console
from pipeline.errors import InputError
from pipeline.stages.context import Run, context_of

TIMEOUT = 3.0
"""Seconds for each of connecting, sending and reading."""
TRIES = 2
LIMIT = 10.0
"""Seconds at most that a run waits, whatever the listener and the names' server do."""


def label_run(run: Run) -> None:
    """Tell Prefect MLflow's run, so that a notice can name it whatever ends the flow run."""
    context = FlowRunContext.get()
    assert context and context.flow_run
    labels: dict[str, Any] = {RUN_ID: run.run_id}
    if page := context_of(run).tracker.page(run.run_id):
        labels[MLFLOW_PAGE] = page
    with get_client(sync_client=True) as client:
        client.update_flow_run_labels(context.flow_run.id, labels)


def send_notice(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Post how the run ended to its parameter `notify`. A listener that is away only warns."""
    notify = flow_run.parameters.get("notify")
    if not notify:
        return
    problem = _problem_of(notify, flow_run, state)
    if problem:
        text = f"The notice was not sent: {problem}"
        flow_run_logger(flow_run, flow).warning(text)
        console.print(text, soft_wrap=True)


def _problem_of(notify: str, flow_run: FlowRun, state: State[Any]) -> str | None:
    """Send it; give back what went wrong, without the address, which may be secret."""
    try:
        address = address_of(notify)
        with get_client(sync_client=True) as client:
            notice = notice_of(client.read_flow_run(flow_run.id), state)
    except InputError as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    problems: list[str] = []
    sender = threading.Thread(target=_post, args=[address, notice, problems], daemon=True)
    sender.start()
    sender.join(LIMIT)
    if sender.is_alive():
        return f"no answer within {LIMIT:.0f} s."
    return problems[-1] if len(problems) == TRIES else None


def _post(address: str, notice: Notice, problems: list[str]) -> None:
    """Try until it is taken; `problems` is told of each try that it is not."""
    for _ in range(TRIES):
        try:
            status = httpx.post(address, json=notice, timeout=TIMEOUT).status_code
        except Exception as error:
            problems.append(f"{type(error).__name__}.")
            continue
        if status < 400:
            return
        problems.append(f"the listener answers with status {status}.")
