"""The flow on a schedule: a Prefect deployment, served from this process or left to a work pool."""

import os
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.flows import EntrypointType
from prefect.settings import get_current_settings
from pydantic import ValidationError

from flows.flow import pretraining
from flows.terminal import console
from pipeline.config.schema import RunConfig
from pipeline.credentials import redact
from pipeline.errors import InputError, nearest
from pipeline.tracking.store import tracking_uri


def schedule_runs(config: RunConfig, cron: str, name: str, pool: str | None) -> None:
    """Register the deployment; without a pool serve it until interrupted.

    Raises `InputError` for a cron text that is none, and without a Prefect server or its pool.
    """
    _check_cron(cron)
    url = get_current_settings().api.url
    if not url:
        raise InputError(
            "A schedule needs a Prefect server that outlives its runs. Start one with `prefect "
            "server start` and set PREFECT_API_URL=http://127.0.0.1:4200/api."
        )
    _check_server(url, pool)
    parameters = {"config": _with_absolute_paths(config).model_dump(mode="json")}
    where = f"Deployment layerwise/{name} at {redact(url)}, cron {cron!r}."
    if pool:
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
        console.print(f"{where} Its runs wait for a worker of the pool {pool!r}.")
        return
    console.print(f"{where} Ctrl-C ends it.")
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


def _check_cron(cron: str) -> None:
    try:
        CronSchedule(cron=cron)
    except ValidationError:
        raise InputError(
            f"--cron needs five fields: minute, hour, day of the month, month, day of the week. "
            f'Given: {cron!r}. For two at night: "0 2 * * *".'
        ) from None


def _check_server(url: str, pool: str | None) -> None:
    with get_client(sync_client=True) as client:
        if error := client.api_healthcheck():
            raise InputError(f"No Prefect server answers at {redact(url)}: {error}.")
        if pool:
            try:
                client.read_work_pool(pool)
            except ObjectNotFound:
                names = [found.name for found in client.read_work_pools()]
                raise InputError(
                    f"There is no work pool {pool!r}.{nearest(pool, names)} Make one: "
                    f"prefect work-pool create {pool} --type process."
                ) from None


def _with_absolute_paths(config: RunConfig) -> RunConfig:
    """The config with paths that hold in whatever folder a run starts."""
    source = Path(config.data.source)
    data = config.data
    if source.exists():
        data = data.model_copy(update={"source": str(source.resolve())})
    directory = str(Path(config.export.directory).resolve())
    export = config.export.model_copy(update={"directory": directory})
    return config.model_copy(update={"data": data, "export": export})
