"""The command line. Each command imports what it needs, so that `--help` answers at once."""

import json
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flows.interpreter import collector_paused, import_tensorflow, leave_at_once_after
from flows.quiet import set_environment
from pipeline.credentials import redact
from pipeline.errors import InputError

if TYPE_CHECKING:
    from pipeline.config.schema import RunConfig

LITTLE_ROOM = 2**20
"""Bytes: a disk with less is full."""
BUG_HINT = "Run again with --verbose for the whole story."


class House(click.Group):
    """A group whose commands end with one clear message and the right exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        """0 done, 1 the run failed, 2 the input or config was refused."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            _stop(str(error), 2)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt as error:
            _stop(_stopped(ctx), _status(error))
        except Exception as error:
            if interruption := _interruption(error):
                _stop(_stopped(ctx), _status(interruption))
            if ctx.params.get("verbose"):
                _stop(traceback.format_exc(), 1)
            reason, _, _ = str(error).partition("\n[SQL: ")  # a statement that fills a screen
            _stop(f"{type(error).__name__}: {reason}\n{_full_disks()}{BUG_HINT}", 1)


def _stopped(ctx: click.Context) -> str:
    if ctx.invoked_subcommand == "run":
        return "Stopped. The same command goes on where it was."
    return "Stopped."


def _full_disks() -> str:
    """Where there is no room, which many an error comes of that does not say so."""
    full = [
        str(folder)
        for folder in (Path.cwd(), Path("mlruns"), Path("mlruns/artifacts"), Path("exports"))
        if folder.is_dir() and shutil.disk_usage(folder).free < LITTLE_ROOM
    ]
    return f"The disk is full that holds {' and '.join(full)}.\n" if full else ""


class Terminated(KeyboardInterrupt):
    """SIGTERM was sent; it stops a run as cleanly as Ctrl-C does."""


def _terminate(*_: object) -> None:
    raise Terminated


def _interruption(error: BaseException | None) -> KeyboardInterrupt | None:
    """Ctrl-C or SIGTERM, which Prefect may wrap in an error of its own, if it came of that."""
    while error:
        if isinstance(error, KeyboardInterrupt):
            return error
        error = error.__cause__ or error.__context__
    return None


def _status(interruption: KeyboardInterrupt) -> int:
    """128 and the signal's number, as shells have it."""
    sent = signal.SIGTERM if isinstance(interruption, Terminated) else signal.SIGINT
    return 128 + sent


def _stop(message: str, status: int) -> None:
    click.echo(f"layerwise: {redact(message)}", err=True)
    sys.exit(status)


@click.group(cls=House, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--verbose", is_flag=True, help="Show what Prefect, MLflow and TensorFlow say.")
@click.version_option(package_name="layerwise")
def main(verbose: bool) -> None:
    """Pretrain stacks of sparse autoencoders, compare with random init, export."""
    set_environment(verbose)
    signal.signal(signal.SIGTERM, _terminate)


def _config_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """PRESET or CONFIG.yaml and what changes it."""
    for option in (
        click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
                     help="Change one value, e.g. stack.0.units=256."),
        click.option("--label", help="The column that holds the target."),
        click.option("--data", help="A built-in name, a file or a folder."),
        click.argument("config", required=False),
    ):  # fmt: skip
        command = option(command)
    return command


@main.command()
@_config_options
@click.option("--summary", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the results to this JSON file.")  # fmt: skip
@click.option("--refresh", is_flag=True,
              help="Compute every stage, even one that was computed before.")  # fmt: skip
def run(
    config: str | None,
    data: str | None,
    label: str | None,
    settings: tuple[str, ...],
    summary: Path | None,
    refresh: bool,
) -> None:
    """Pretrain, fine-tune, compare and export.

    CONFIG is a preset (digits, fashion-mnist, ...) or a YAML file. Without it: the digits preset,
    or with --data the defaults for data of your own.
    """
    from pipeline.config.loading import load

    resolved = load(config or (None if data else "digits"), data, label, settings)
    if summary and summary.suffix != ".json":
        raise InputError(
            f"--summary must end in .json; the report goes beside it. Given: {summary}."
        )
    if summary and not summary.parent.is_dir():
        raise InputError(f"--summary: there is no folder {str(summary.parent)!r}.")
    with ExitStack() as ends:
        with collector_paused():
            from flows.server.own import prefect_server

            wait_until_ready = ends.enter_context(prefect_server())
            flow = _import_flow(resolved, refresh)
        wait_until_ready()
        found = _unless_prefect_goes(flow, resolved, refresh)
    if summary:
        from pipeline.stages.summary import read_report
        from pipeline.tracking.find import find_run

        write_whole(summary, json.dumps(found, indent=1) + "\n")
        write_whole(summary.with_suffix(".html"), read_report(*find_run(found["run_id"])))
    _show(found)


def _import_flow(config: "RunConfig", refresh: bool) -> Callable[..., Any]:
    """The flow, with what it will need, imported while the server boots; the data are checked."""
    from pipeline.stages.trials import check_data
    from pipeline.tracking.store import check_store

    check_store()
    _import_what_downloads(config.data.source)
    data = check_data(config)  # what cannot be used is refused before anything is tracked
    from flows.flow import pretraining
    from pipeline.stages.all import computing, first_level_done

    if refresh or not first_level_done(config, data):
        import_tensorflow()
        computing()
    return pretraining


def _unless_prefect_goes(flow: Callable[..., Any], *arguments: Any) -> Any:
    """Run the flow; say so, in one message, when Prefect's server does not answer any more."""
    import httpx
    from prefect.settings import PREFECT_API_URL

    try:
        return flow(*arguments)
    except httpx.TransportError as error:
        address = PREFECT_API_URL.value()
        _stop(
            f"Prefect's server at {address} does not answer ({error}). Start it again, or unset "
            "PREFECT_API_URL: then the run has one of its own. The same command goes on where it "
            "was.",
            1,
        )


def _import_what_downloads(source: str) -> None:
    """Keras downloads these sources, and brings TensorFlow with it, which must not chatter."""
    if source in ("fashion_mnist", "mnist", "cifar10"):
        import_tensorflow()


def _console() -> Any:
    from rich.console import Console

    return Console(highlight=False, markup=False, soft_wrap=True)


def _show(summary: Any) -> None:
    from flows.tables import print_summary
    from pipeline.tracking.store import tracking_uri

    console = _console()
    print_summary(summary, console)
    console.print(f"\nSavedModel: {summary['export']['path']}")
    console.print(f"Registered: {summary['export']['model_uri']}")
    console.print(f"Report:     {summary['report']}")
    console.print(f"Run:        {summary['run_id']} in experiment {summary['experiment']}")
    bin_folder = Path(sys.executable).parent
    store = redact(tracking_uri())
    console.print(f"MLflow:     {bin_folder / 'mlflow'} ui --backend-store-uri {store}\n")


@main.command()
@click.argument("run", required=False)
@click.argument("other", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("--per-seed", is_flag=True, help="Print the score of every seed.")
@click.option("--plan", metavar="GAIN", type=click.FloatRange(min=0, min_open=True),
              help="Print how many seeds would show a gain of this size, in the table's units "
              "(percentage points, or R squared).")  # fmt: skip
def compare(
    run: str | None, other: str | None, as_json: bool, per_seed: bool, plan: float | None
) -> None:
    """Print the comparison of a tracked run, or of two runs with each other.

    RUN and OTHER are experiments, of which the latest run is meant, or ids of runs. Without them:
    the latest run of all.
    """
    if sum((as_json, per_seed, plan is not None)) > 1:
        raise InputError("--json, --per-seed and --plan each print something else. Give one.")
    if other:
        if per_seed or plan is not None:
            raise InputError("--per-seed and --plan are for one run. Given: two. Leave one out.")
        _compare_two(run, other, as_json)
        return
    from pipeline.stages.summary import read_summary
    from pipeline.tracking.find import find

    summary = read_summary(*find(run))
    if as_json:
        click.echo(json.dumps(summary, indent=1))
        return
    from flows.tables import print_plan, print_seeds

    console = _console()
    if plan is not None:
        print_plan(summary, plan, console)
    elif per_seed:
        print_seeds(summary, console)
    else:
        _show(summary)


def _compare_two(run: str | None, other: str, as_json: bool) -> None:
    from flows.tables import print_differences
    from pipeline.evaluation.differences import differences
    from pipeline.stages.summary import read_config, read_summary
    from pipeline.tracking.find import find

    a, b = find(run), find(other)
    first, second = read_summary(*a), read_summary(*b)
    found = differences(first, second, read_config(*a), read_config(*b))
    if as_json:
        rows = [row._asdict() | {"gain": row.gain._asdict()} for row in found.rows]
        click.echo(json.dumps(found._asdict() | {"rows": rows}, indent=1))
        return
    print_differences(first, second, found, _console())


@main.command()
@click.argument("run")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def export(run: str, directory: Path) -> None:
    """Copy the SavedModel of a tracked run to DIRECTORY/1 (or the next free number).

    RUN is an experiment, of which the latest run is meant, or the id of a run.
    """
    import_tensorflow()
    from pipeline.export.inference import model_folder
    from pipeline.files import copy_version
    from pipeline.tracking.find import find
    from pipeline.tracking.registry import download_model

    tracker, found = find(run)
    exports = [c for c in tracker.children(found.run_id) if c.tags["stage"] == "export"]
    click.echo(
        copy_version(model_folder(download_model(exports[0].tags["logged_model"])), directory)
    )


def _inference(name: str, endpoint: str, help_text: str) -> None:
    @main.command(name, help=help_text)
    @click.argument("model")
    @click.argument("data")
    @click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path),
                  help="A .csv, .parquet or .npz file.")  # fmt: skip
    def command(model: str, data: str, output: Path) -> None:
        from pipeline.files import check_output, write_frame

        check_output(output)
        with collector_paused():
            import_tensorflow()
            from pipeline.data.sources.read import read_rows
            from pipeline.export.inference import infer, model_columns, model_folder
            from pipeline.tracking.registry import download_model

        registered = model.startswith(("models:/", "runs:/"))
        folder = model_folder(download_model(model) if registered else Path(model))
        rows = infer(folder, endpoint, *read_rows(data, model_columns(folder)))
        write_frame(rows, output)
        click.echo(f"{len(rows):,} rows in {output}")


_inference("predict", "serve", "Class probabilities and label, or the number, for each row.")
_inference("encode", "encode", "The code of each row.")
_inference("reconstruct", "reconstruct", "Each row as the stack reconstructs it.")
_inference("score", "score", "The reconstruction error of each row: high for anomalies.")


@main.command()
@click.argument("config", required=False)
@click.option("--cron", required=True, help='When, e.g. "0 2 * * *" for two at night.')
@click.option("--name", help="Of the deployment.  [default: the config's name]")
@click.option("--pool", help="Leave the runs to the workers of this Prefect work pool, and end.")
@click.option("--data", help="A built-in name, a file or a folder.")
@click.option("--label", help="The column that holds the target.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change one value.")
def schedule(
    config: str | None,
    cron: str,
    name: str | None,
    pool: str | None,
    data: str | None,
    label: str | None,
    settings: tuple[str, ...],
) -> None:
    """Serve the flow as a Prefect deployment that runs on a schedule, until Ctrl-C.

    Needs a Prefect server (PREFECT_API_URL, or `prefect server start` in another terminal).
    """
    from pipeline.config.loading import load

    resolved = load(config or (None if data else "digits"), data, label, settings)
    from flows.deploy import schedule_runs

    schedule_runs(resolved, cron, name or resolved.name, pool)


@main.command()
@click.argument("source")
@click.option("--label", help="The column that holds the target.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
              help="Change one value, e.g. data.missing=impute.")  # fmt: skip
def data(source: str, label: str | None, settings: tuple[str, ...]) -> None:
    """What the data is and whether it can be used."""
    from pipeline.config.loading import load
    from pipeline.data.describe import describe
    from pipeline.data.sources.read import read

    config = load(None, source, label, settings).data
    _import_what_downloads(source)
    with tempfile.TemporaryDirectory() as scratch:
        found = describe(read(config, Path(scratch)), config)
    click.echo(json.dumps(found, indent=1))
    if found["problems"]:
        raise InputError("\n".join(found["problems"]))


@main.command()
@_config_options
@click.option("--schema", is_flag=True, help="Print the JSON schema instead.")
def config(
    config: str | None,
    data: str | None,
    label: str | None,
    settings: tuple[str, ...],
    schema: bool,
) -> None:
    """The resolved config as YAML, ready to be saved and changed: of what `run` would run."""
    import yaml

    from pipeline.config.loading import load
    from pipeline.config.schema import RunConfig

    if schema:
        click.echo(json.dumps(RunConfig.model_json_schema(), indent=1))
        return
    resolved = load(config or (None if data else "digits"), data, label, settings)
    click.echo(yaml.safe_dump(resolved.model_dump(mode="json"), sort_keys=False), nl=False)


@main.command()
@click.option("--mlflow-port", default=5000, show_default=True)
@click.option("--prefect-port", default=4200, show_default=True)
def ui(mlflow_port: int, prefect_port: int) -> None:
    """MLflow's and Prefect's pages on loopback; Ctrl-C ends both."""
    from flows.server.pages import serve_pages

    serve_pages(mlflow_port, prefect_port)


def write_whole(path: Path, text: str) -> None:
    """Write a file aside and rename it, so that it is never seen half-written."""
    from pipeline.files import aside

    with aside(path) as file:
        file.write_text(text, encoding="utf-8")


def program() -> None:
    """What a shell runs as `layerwise`."""
    leave_at_once_after(main)


if __name__ == "__main__":
    program()
