"""The flow as a Prefect deployment, served from this process or left to a work pool."""

import os
from pathlib import Path
from typing import Any

from prefect.deployments.runner import RunnerDeployment
from prefect.flows import EntrypointType

from flows.flow import pretraining
from flows.scheduling.server import check_pool, lasting_server
from flows.scheduling.trigger import cron_schedule
from flows.terminal import console
from pipeline.config.schema import RunConfig
from pipeline.credentials import redact
from pipeline.tracking.store import tracking_uri


def schedule_runs(
    config: RunConfig, cron: str, name: str, pool: str | None, when_changed: bool
) -> None:
    """Register the deployment; without a pool serve it until interrupted.

    Raises `InputError` for a cron text that is none, and without a Prefect server or its pool.
    """
    cron_schedule(cron)
    url = lasting_server()
    if pool:
        check_pool(pool)
    parameters = {
        "config": _with_absolute_paths(config).model_dump(mode="json"),
        "when_changed": when_changed,
    }
    where = f"Deployment layerwise/{name} at {redact(url)}, cron {cron!r}."
    if pool:
        _leave_to_pool(name, cron, parameters, pool)
        console.print(f"{where} Its runs wait for a worker of the pool {pool!r}.")
        return
    console.print(f"{where} Ctrl-C ends it.")
    _serve(name, cron, parameters)


def _leave_to_pool(name: str, cron: str, parameters: dict[str, Any], pool: str) -> None:
    uri = tracking_uri()
    # Prefect keeps what it is given where its users can read it: no passwords.
    environment = {"MLFLOW_TRACKING_URI": uri} if redact(uri) == uri else {}
    deployment = RunnerDeployment.from_flow(
        pretraining,
        name=name,
        cron=cron,
        parameters=parameters,
        work_pool_name=pool,
        job_variables={"env": environment},
        # Workers need Layerwise installed, not this checkout.
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    deployment.apply()


def _serve(name: str, cron: str, parameters: dict[str, Any]) -> None:
    # Nobody watches a terminal at night: what happens is shown on Prefect's page.
    os.environ |= {
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PREFECT_LOGGING_TO_API_ENABLED": "true",
        "MLFLOW_TRACKING_URI": tracking_uri(),
    }
    pretraining.serve(
        name=name,
        cron=cron,
        parameters=parameters,
        global_limit=1,
        pause_on_shutdown=False,
        print_starting_message=False,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


def _with_absolute_paths(config: RunConfig) -> RunConfig:
    """The config with paths that hold in whatever folder a run starts."""
    source = Path(config.data.source)
    data = config.data
    if source.exists():
        data = data.model_copy(update={"source": str(source.resolve())})
    directory = str(Path(config.export.directory).resolve())
    export = config.export.model_copy(update={"directory": directory})
    return config.model_copy(update={"data": data, "export": export})
