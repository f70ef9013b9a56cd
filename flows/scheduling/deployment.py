"""Flows as Prefect deployments, served from this process or left to a work pool."""

import os
import time
from collections.abc import Sequence
from contextlib import chdir
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from prefect import Flow, serve
from prefect.deployments.runner import RunnerDeployment
from prefect.flows import EntrypointType
from prefect.types.names import BANNED_CHARACTERS

from flows.scheduling.server import check_pool, lasting_server
from flows.scheduling.supervised import looked_after
from flows.scheduling.trigger import Trigger
from flows.terminal import console
from pipeline.credentials import redact
from pipeline.errors import InputError
from pipeline.tracking.store import scratch_folder, tracking_uri


class Job(NamedTuple):
    """What a deployment runs: a flow and the parameters that each of its runs is given."""

    flow: Flow[..., Any]
    name: str
    parameters: dict[str, Any]


def schedule_jobs(
    jobs: Sequence[Job], trigger: Trigger, pool: str | None, tags: Sequence[str] = ()
) -> None:
    """Register a deployment for each job; without a pool serve them until interrupted.

    The tags say what a run does that finds others under way, see `overlap_tags`. Raises
    `InputError` without a Prefect server or its pool, and for names that it does not take.
    """
    for job in jobs:
        if any(character in job.name for character in BANNED_CHARACTERS):
            raise InputError(
                f"A deployment's name must be without {' '.join(BANNED_CHARACTERS)}. Given: "
                f"{job.name!r}. Give another by --name."
            )
    url = lasting_server()
    if pool:
        check_pool(pool)
    deployments = [deployment_of(job, trigger, pool, tags) for job in jobs]
    for job in jobs:
        console.print(f"Deployment {job.flow.name}/{job.name} at {redact(url)}.")
    console.print(f"Runs begin: {trigger}", soft_wrap=True)
    if pool:
        for deployment in deployments:
            deployment.apply()
        console.print(f"They wait for a worker of the pool {pool!r}.")
    else:
        console.print("Ctrl-C ends it.")
        os.environ["TZ"] = trigger.zone.key
        time.tzset()
        _serve(deployments, jobs)


def deployment_of(
    job: Job, trigger: Trigger, pool: str | None, tags: Sequence[str]
) -> RunnerDeployment:
    """The deployment of a job, which Prefect's server does not know yet."""
    return RunnerDeployment.from_flow(
        job.flow,
        name=job.name,
        schedule=trigger.schedule,
        parameters=job.parameters,
        tags=[*tags],
        work_pool_name=pool,
        job_variables={"env": _environment(trigger)} if pool else None,
        # Workers need Layerwise installed, not this checkout.
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


def _environment(trigger: Trigger) -> dict[str, str]:
    """What the runs of a pool find in their environment."""
    uri = tracking_uri()
    # Prefect keeps what it is given where its users can read it: no passwords.
    store = {"MLFLOW_TRACKING_URI": uri} if redact(uri) == uri else {}
    return {"TZ": trigger.zone.key, **store}


def _serve(deployments: Sequence[RunnerDeployment], jobs: Sequence[Job]) -> None:
    os.environ["MLFLOW_TRACKING_URI"] = tracking_uri()
    os.environ["LAYERWISE_SCRATCH"] = str(scratch_folder())
    names = [deployment.full_name for deployment in deployments]
    flows = dict(zip(names, (job.flow for job in jobs), strict=True))
    # A run starts in the folder of its server, and Prefect would import what is there before our
    # package of the same name.
    with TemporaryDirectory() as empty, chdir(empty), looked_after(flows):
        serve(*deployments, limit=1, pause_on_shutdown=False, print_starting_message=False)
