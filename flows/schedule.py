"""The flow on a schedule: a Prefect deployment served from this process."""

from prefect.settings import get_current_settings

from flows.flow import pretraining, task_runner
from flows.progress import console
from pipeline.config import RunConfig
from pipeline.errors import InputError


def serve(config: RunConfig, cron: str, name: str) -> None:
    """Serve the flow until interrupted; runs come from the schedule and from Prefect's page."""
    url = get_current_settings().api.url
    if not url:
        raise InputError(
            "A schedule needs a Prefect server that outlives its runs. Start one with `prefect "
            "server start` and set PREFECT_API_URL=http://127.0.0.1:4200/api."
        )
    console.print(f"Deployment layerwise/{name} at {url}, cron {cron!r}. Ctrl-C ends it.")
    pretraining.with_options(task_runner=task_runner(config.execution)).serve(
        name=name,
        cron=cron,
        parameters={"config": config.model_dump(mode="json")},
        global_limit=1,
        pause_on_shutdown=False,
        print_starting_message=False,
    )
