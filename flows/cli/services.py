"""`layerwise ui`: pages until Ctrl-C."""

import click

from flows.cli.group import main


@main.command()
@click.option("--mlflow-port", default=5000, show_default=True)
@click.option("--prefect-port", default=4200, show_default=True)
def ui(mlflow_port: int, prefect_port: int) -> None:
    """MLflow's and Prefect's pages on loopback; Ctrl-C ends both."""
    from flows.server.pages import serve_pages

    serve_pages(mlflow_port, prefect_port)
