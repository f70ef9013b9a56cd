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
    from pipeline.data.proposal import Proposal


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
    from pipeline.data.problems import usable
    from pipeline.data.sources.read import read
    from pipeline.data.target import with_target

    config = load(None, source, label, settings, task, unlabelled)
    import_downloader(source)
    with tempfile.TemporaryDirectory() as scratch:
        rows = with_target(read(config.data, Path(scratch)), config.task, config.data)
        found = describe(rows, config.data, usable(rows, config.data, seed=0))
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        from flows.cli.data_page import print_data

        words = ["--data", source]
        for option, value in (("--label", label), ("--unlabelled", unlabelled), ("--task", task)):
            words += [option, value] if value else []
        for setting in settings:
            words += ["--set", setting]
        print_data(found, shlex.join(words))
    raise_all(found["problems"])


@main.command()
@config_options
@click.option("--schema", is_flag=True, help="Print the JSON schema instead.")
@click.pass_context
def config(context: click.Context, config: "RunConfig", schema: bool) -> None:
    """The resolved config as YAML, ready to be saved and changed: of what `run` would run.

    With --data it is what is proposed for these rows, and says why.
    """
    import yaml

    if schema:
        click.echo(json.dumps(config.model_json_schema(), indent=1))
        return
    tree = config.model_dump(mode="json")
    if context.params["data"]:
        for proposal in _propose(config):
            section, key = proposal.key.split(".")
            tree[section] = tree[section] | {key: proposal.value}
            click.echo(f"# {proposal.key}: {proposal.value!r} ({proposal.why})")
    click.echo(yaml.safe_dump(tree, sort_keys=False), nl=False)


def _propose(config: "RunConfig") -> "list[Proposal]":
    """What is proposed for the rows of a config: target and task too, where it leaves them open."""
    from pipeline.data.proposal import Proposal, proposals
    from pipeline.data.sources.read import likely_label, read
    from pipeline.data.target import with_target

    data, found = config.data, []
    import_downloader(data.source)
    if data.label is None and (label := likely_label(data)):
        found.append(Proposal("data.label", label, "by its name or place"))
        data = data.model_copy(update={"label": label})
    with tempfile.TemporaryDirectory() as scratch:
        source = with_target(read(data, Path(scratch)), config.task, data)
        if source.task and source.target is not None and config.task.kind == "auto":
            found.append(Proposal("task.kind", source.task.kind, "by the values of the target"))
        return [*found, *proposals(source, data)]
