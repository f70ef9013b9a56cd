"""`layerwise run`."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flows.cli.group import CONTINUE, FAILED, main, stop
from flows.cli.options import config_options, notify_option, time_limit_option, when_changed_option
from flows.interpreter import collector_paused, import_tensorflow
from pipeline.errors import InputError

if TYPE_CHECKING:
    from pipeline.config.schema import RunConfig


@main.command()
@config_options
@click.option("--summary", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the results to this JSON file.")  # fmt: skip
@click.option("--refresh", is_flag=True,
              help="Compute every stage, even one that was computed before.")  # fmt: skip
@click.option("--dry-run", is_flag=True,
              help="Print what would be computed, how long it takes and what it stores; start "
              "nothing.")  # fmt: skip
@when_changed_option
@time_limit_option
@notify_option
def run(
    config: "RunConfig",
    summary: Path | None,
    refresh: bool,
    dry_run: bool,
    when_changed: bool,
    time_limit: str | None,
    notify: str | None,
) -> None:
    """Pretrain, fine-tune, compare and export.

    CONFIG is a preset (digits, fashion-mnist, ...) or a YAML file. Without it: the digits preset,
    or with --data the defaults for data of your own.
    """
    if dry_run:
        from flows.cli.dry_run import print_forecast

        print_forecast(config, refresh)
        return
    if summary:
        _check_summary(summary)
    if time_limit:
        from flows.duration import limit_seconds

        limit_seconds(time_limit)
    if notify:
        from flows.notices.address import address_of

        address_of(notify)
    with ExitStack() as ends:
        with collector_paused():
            from flows.server.own import prefect_server

            wait_until_ready = ends.enter_context(prefect_server())
            flow = _import_flow(config, refresh)
        wait_until_ready()
        results = _run_flow(flow, config, refresh, when_changed, notify, time_limit)
    if results is None:  # skipped, or nothing is there yet, as the flow has said
        return
    from flows.cli.tables import print_results

    if summary:
        _write_summary(summary, results)
    print_results(results)


def _check_summary(path: Path) -> None:
    if path.suffix != ".json":
        raise InputError(f"--summary must end in .json; the report goes beside it. Given: {path}.")
    if not path.parent.is_dir():
        raise InputError(f"--summary: there is no folder {str(path.parent)!r}. Make it first.")


def _import_flow(config: "RunConfig", refresh: bool) -> Callable[..., Any]:
    """The flow, with what it will need, imported while the server boots; the data are checked."""
    from pipeline.stages.plan import check_data
    from pipeline.tracking.store import check_store, check_store_writable, tracking_uri
    from pipeline.tracking.tracker import open_tracker

    check_store()
    check_store_writable()
    if config.execution.address:
        from flows.cluster.check import check_cluster

        check_cluster(config.execution.address)
    import_downloader(config.data.source)
    plan = check_data(config)  # what cannot be used is refused before anything is tracked
    from flows.flow import pretraining
    from pipeline.stages.context import import_what_computes

    first = plan.level(stack=0, number=1, below=[])
    # Where it is done, likely all else is.
    if refresh or not open_tracker(tracking_uri(), config.name).finished(first.key):
        import_tensorflow()
        import_what_computes()
    return pretraining


def import_downloader(source: str) -> None:
    """Keras downloads some sources, and imports TensorFlow for it, which must be done quietly."""
    if source in ("fashion_mnist", "mnist", "cifar10"):
        import_tensorflow()


def _run_flow(flow: Callable[..., Any], *arguments: Any) -> Any:
    """Run the flow. Where Prefect's server no longer answers, the program ends with a message."""
    import httpx
    from prefect.settings import PREFECT_API_URL

    try:
        return flow(*arguments)
    except httpx.TransportError as error:
        stop(
            f"Prefect's server at {PREFECT_API_URL.value()} does not answer ({error}). Start it "
            "again, or unset PREFECT_API_URL: then the run starts a server of its own. "
            f"{CONTINUE}",
            FAILED,
        )


def _write_summary(path: Path, results: Any) -> None:
    from pipeline.files import write_text
    from pipeline.stages.summary import read_report
    from pipeline.tracking.find import find_run

    write_text(path, json.dumps(results, indent=1) + "\n")
    write_text(path.with_suffix(".html"), read_report(*find_run(results["run_id"])))
