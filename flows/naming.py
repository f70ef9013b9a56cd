"""What runs of a flow are called."""

from datetime import datetime
from typing import Any

from prefect.context import FlowRunContext


def subject(parameters: dict[str, Any]) -> str:
    """What a run is about, from a flow's parameters, which nobody may have checked yet.

    The config's name, or what is done with a model: `predict models:/digits@champion`.
    """
    if "model" in parameters:
        return f"{parameters['command']} {parameters['model']}"
    config = parameters.get("config")
    name = config.get("name") if isinstance(config, dict) else getattr(config, "name", None)
    return str(name or "layerwise")


def run_name() -> str:
    """For `flow_run_name`: what it is about and when it was to begin, `digits 2026-11-28 02:00`.

    A run that somebody started on Prefect's page, with its command or its API keeps the name that
    it was given there: the page fills the field in itself, and shows it.
    """
    context = FlowRunContext.get()
    assert context and context.flow_run
    run = context.flow_run
    if run.deployment_id and not run.auto_scheduled:
        return run.name
    begin = run.expected_start_time or datetime.now().astimezone()
    return f"{subject(context.parameters or {})} {begin.astimezone():%Y-%m-%d %H:%M}"
