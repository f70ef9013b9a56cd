"""What runs of a flow are called."""

from datetime import datetime
from typing import Any

from prefect.client.schemas.objects import FlowRun
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


def name_of(run: FlowRun, parameters: dict[str, Any]) -> str:
    """What it is about and when it was to begin, `digits 2026-11-28 02:00`, begun or not.

    A run that somebody started on Prefect's page, with its command or its API keeps the name that
    it was given there: the page fills the field in itself, and shows it.
    """
    if run.deployment_id and not run.auto_scheduled:
        return run.name
    begin = run.expected_start_time or datetime.now().astimezone()
    return f"{subject(parameters)} {begin.astimezone():%Y-%m-%d %H:%M}"


def run_name() -> str:
    """For `flow_run_name`: the name of the run that begins."""
    context = FlowRunContext.get()
    assert context and context.flow_run
    return name_of(context.flow_run, context.parameters or {})
