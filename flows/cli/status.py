"""`layerwise status`: how far runs have come, and what is scheduled."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

import click

from flows.cli.group import main
from flows.interpreter import collector_paused

if TYPE_CHECKING:
    from rich.table import Table

    from flows.scheduling.overview import Deployments, DeploymentStatus
    from pipeline.tracking.champion import Champion
    from pipeline.tracking.overview import RunStatus

UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(as_json: bool) -> None:
    """How far the latest runs have come, which models are in service, and what is scheduled.

    A run whose process is gone is shown as dead: the next run of its experiment goes on from there.
    """
    with ThreadPoolExecutor(1) as beside, collector_paused():
        # Prefect's server answers while MLflow is imported.
        from flows.scheduling.overview import deployments

        asked = beside.submit(deployments)
        from pipeline.tracking.champion import champions
        from pipeline.tracking.overview import latest_runs

        runs, models, scheduled = latest_runs(), champions(), asked.result()
    if as_json:
        click.echo(json.dumps(_as_json(runs, models, scheduled), indent=1))
        return
    _print_runs(runs)
    _print_models(models)
    _print_deployments(scheduled)


def _as_json(
    runs: "list[RunStatus]", models: "list[Champion]", scheduled: "Deployments | None"
) -> dict[str, object]:
    """Times are in ISO 8601, in UTC or with their zone."""
    return {
        "runs": [
            run._asdict()
            | {
                "level": run.level._asdict() if run.level else None,
                "began": datetime.fromtimestamp(run.began).astimezone().isoformat(),
            }
            for run in runs
        ],
        "models": [model._asdict() for model in models],
        "prefect": scheduled
        and {
            "server": scheduled.server,
            "problem": scheduled.problem,
            "deployments": [
                found._asdict() | {"next_run": found.next_run and found.next_run.isoformat()}
                for found in scheduled.found
            ],
        },
    }


def _print_runs(runs: "list[RunStatus]") -> None:
    from flows.terminal import output

    if not runs:
        output.print("No run has been started yet. Start one: layerwise run.")
        return
    table = _table(
        "Runs, the latest first", "run", "state", "stages", "began", "progress, or labels: verdict"
    )
    for run in runs:
        of_all = "?" if run.stages is None else f"{run.stages:,}"
        table.add_row(
            f"{run.experiment}\n{run.run_id}",
            run.state,
            f"{run.done:,}/{of_all}",
            f"{_duration(time.time() - run.began)} ago",
            _progress(run),
        )
    output.print(table)


def _print_models(models: "list[Champion]") -> None:
    from flows.terminal import output

    if not models:
        return
    table = _table("\nModels", "model", "champion", "since", "previous")
    for found in models:
        champion, previous = (
            "-" if version is None else f"version {version}"
            for version in (found.champion, found.previous)
        )
        since = datetime.fromisoformat(found.since).astimezone() if found.since else None
        table.add_row(found.model, champion, f"{since:%Y-%m-%d %H:%M}" if since else "-", previous)
    output.print(table)


def _progress(run: "RunStatus") -> str:
    if run.verdicts:
        return "\n".join(f"{labels}: {verdict}" for labels, verdict in run.verdicts.items())
    if not run.level:
        return ""
    stage, epoch, epochs, loss = run.level
    text = f"{stage}: epoch {epoch}" + (f"/{epochs}" if epochs else "")
    return text if loss is None else f"{text}, loss {loss:.4f}"


def _print_deployments(scheduled: "Deployments | None") -> None:
    from flows.terminal import output

    if scheduled is None:
        output.print("\nNo Prefect server is configured (PREFECT_API_URL): nothing is scheduled.")
    elif scheduled.problem:
        output.print(f"\nPrefect's server at {scheduled.server}: {scheduled.problem}")
    elif not scheduled.found:
        output.print(f"\nNothing is scheduled on Prefect's server at {scheduled.server}.")
    else:
        title = f"\nDeployments at {scheduled.server}"
        table = _table(title, "deployment", "schedule", "next run", "last run")
        for found in scheduled.found:
            last = f"{found.last_state}: {found.last_run}" if found.last_run else "-"
            table.add_row(found.name, "\n".join(found.schedules) or "by hand", _next(found), last)
        output.print(table)


def _next(deployment: "DeploymentStatus") -> str:
    if deployment.paused:
        return "paused"
    if not deployment.next_run:
        return "-"
    at = deployment.next_run.astimezone()
    if (left := at.timestamp() - time.time()) < 0:
        return f"late since {_duration(-left)}"
    return f"{at:%Y-%m-%d %H:%M} (in {_duration(left)})"


def _duration(seconds: float) -> str:
    """In the largest unit of which there are some, rounded down."""
    for unit, length in UNITS:
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return "0 s"


def _table(title: str, *columns: str) -> "Table":
    """Its last column is folded where the terminal is narrow; nothing is cut."""
    from rich.table import Table

    from flows.cli.tables import STYLE

    table = Table(title=title, **STYLE)
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=name != columns[-1])
    return table
