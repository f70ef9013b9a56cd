"""`layerwise schedule` and `layerwise ui`: what goes on until Ctrl-C."""

from typing import TYPE_CHECKING

import click

from flows.cli.group import main
from flows.cli.options import config_options, when_changed_option

if TYPE_CHECKING:
    from pipeline.config.schema import RunConfig


@main.command()
@config_options
@click.option("--cron", required=True, help='When, e.g. "0 2 * * *" for two at night.')
@click.option("--name", help="Of the deployment.  [default: the config's name]")
@click.option("--pool", help="Leave the runs to the workers of this Prefect work pool, and end.")
@when_changed_option
def schedule(
    config: "RunConfig", cron: str, name: str | None, pool: str | None, when_changed: bool
) -> None:
    """Serve the flow as a Prefect deployment that runs on a schedule, until Ctrl-C.

    Needs a Prefect server (PREFECT_API_URL, or `prefect server start` in another terminal).
    """
    from flows.scheduling.deployment import schedule_runs

    schedule_runs(config, cron, name or config.name, pool, when_changed)


@main.command()
@click.option("--mlflow-port", default=5000, show_default=True)
@click.option("--prefect-port", default=4200, show_default=True)
def ui(mlflow_port: int, prefect_port: int) -> None:
    """MLflow's and Prefect's pages on loopback; Ctrl-C ends both."""
    from flows.server.pages import serve_pages

    serve_pages(mlflow_port, prefect_port)
