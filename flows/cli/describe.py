"""`layerwise data` and `layerwise config`: what would be run, before it is run."""

import json
import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.cli.group import main
from flows.cli.options import (
    config_options,
    label_option,
    set_option,
    task_option,
    unlabelled_option,
)
from flows.cli.run import import_downloader
from pipeline.errors import raise_all

if TYPE_CHECKING:
    from pipeline.config.schema import RunConfig


@main.command()
@click.argument("source")
@label_option
@unlabelled_option
@task_option
@set_option
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def data(
    source: str,
    label: str | None,
    unlabelled: str | None,
    task: str | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """What the data is, what is done with each column, and whether it can be used."""
    from pipeline.config.loading import load
    from pipeline.data.describe import describe
    from pipeline.data.sources.read import read
    from pipeline.data.target import with_target

    config = load(None, source, label, settings, task, unlabelled)
    import_downloader(source)
    with tempfile.TemporaryDirectory() as scratch:
        rows = with_target(read(config.data, Path(scratch)), config.task, config.data)
        found = describe(rows, config.data)
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        from flows.cli.data_page import print_data

        words = ["layerwise", "run", "--data", source]
        for option, value in (("--label", label), ("--unlabelled", unlabelled), ("--task", task)):
            words += [option, value] if value else []
        for setting in settings:
            words += ["--set", setting]
        print_data(found, shlex.join(words))
    raise_all(found["problems"])


@main.command()
@config_options
@click.option("--schema", is_flag=True, help="Print the JSON schema instead.")
def config(config: "RunConfig", schema: bool) -> None:
    """The resolved config as YAML, ready to be saved and changed: of what `run` would run."""
    import yaml

    if schema:
        click.echo(json.dumps(config.model_json_schema(), indent=1))
        return
    click.echo(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False), nl=False)
