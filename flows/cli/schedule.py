"""`layerwise schedule`: runs that begin by the clock."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from flows.cli.group import main
from flows.cli.inference import HELP
from flows.cli.options import (
    code_options,
    configs_options,
    keep_option,
    notify_option,
    time_limit_option,
    when_changed_option,
)

if TYPE_CHECKING:
    from pipeline.config.schema import RunConfig


class WithDefault(click.Group):
    """A group whose first command is meant where none is named: `schedule digits --cron ...`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put in the command that was left out."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)


@main.group(cls=WithDefault)
def schedule() -> None:
    """Runs that begin by the clock: Prefect deployments, served until Ctrl-C.

    `layerwise schedule digits ...` means `layerwise schedule run digits ...`.

    Needs a Prefect server (PREFECT_API_URL, or `prefect server start` in another terminal).
    """


def schedule_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds when and where runs begin; the command gives the jobs."""

    @click.option("--cron", help='E.g. "0 2 * * *" for two at night.')
    @click.option("--interval", help="E.g. 15m, 1h30m or 1d, counted from midnight.")
    @click.option("--rrule", help='A calendar rule (RFC 5545), e.g. "FREQ=WEEKLY;BYDAY=SA".')
    @click.option("--timezone", help="E.g. Europe/Berlin.  [default: the machine's]")
    @click.option("--pool", help="Leave the runs to the workers of this work pool, and end.")
    @click.option(
        "--overlap",
        type=click.Choice(["wait", "skip"]),
        default="wait",
        show_default=True,
        help="What a run does that finds another one under way.",
    )
    @click.option(
        "--limit-with",
        metavar="NAME",
        help="Of all deployments with this NAME one has a run at a time.",
    )
    @wraps(command)
    def scheduled(
        *given: Any,
        cron: str | None,
        interval: str | None,
        rrule: str | None,
        timezone: str | None,
        pool: str | None,
        overlap: str,
        limit_with: str | None,
        **others: Any,
    ) -> None:
        from flows.scheduling.deployment import schedule_jobs
        from flows.scheduling.overlap import overlap_tags
        from flows.scheduling.trigger import trigger_of
        from pipeline.errors import noted, raise_all

        problems: list[str] = []
        with noted(problems):
            trigger = trigger_of(cron, interval, rrule, timezone)
        with noted(problems):
            jobs = command(*given, **others)
        raise_all(problems)
        schedule_jobs(jobs, trigger, pool, overlap_tags(overlap, limit_with))

    return scheduled


@schedule.command()
@schedule_options
@configs_options
@click.option("--name", help="Of the deployment.  [default: the config's name]")
@when_changed_option
@time_limit_option
@notify_option
def run(
    configs: list["RunConfig"],
    name: str | None,
    when_changed: bool,
    time_limit: str | None,
    notify: str | None,
) -> Any:
    """Pretrain, fine-tune, compare and export: a deployment for each CONFIG."""
    from flows.duration import limit_seconds
    from flows.notices.address import check_notify
    from flows.scheduling.jobs import run_jobs

    if time_limit:
        limit_seconds(time_limit)
    if notify:
        check_notify(notify)
    return run_jobs(configs, name, when_changed=when_changed, notify=notify, time_limit=time_limit)


def _add_command(name: str) -> None:
    """A command that applies a model to what is new, by the clock."""

    @schedule_options
    @click.argument("model")
    @click.argument("data")
    @click.option("-o", "--output", required=True,
                  help="A .csv, .parquet, .npz or .npy file; out/{name}.csv for "
                  "a pattern.")  # fmt: skip
    @click.option("--name", "deployment",
                  help="Of the deployment.  [default: the command's and the model's]")  # fmt: skip
    @keep_option
    @notify_option
    def command(
        model: str,
        data: str,
        output: str,
        deployment: str | None,
        keep: tuple[str, ...],
        notify: str | None,
        **codes: int | None,
    ) -> Any:
        from flows.inference import kept_columns
        from flows.notices.address import check_notify
        from flows.scheduling.jobs import inference_job

        if notify:
            check_notify(notify)
        parameters = {"keep": kept_columns(keep), "notify": notify, **codes}
        return [inference_job(name, model, data, output, deployment, **parameters)]

    for option in code_options(name):
        command = option(command)
    schedule.command(name, help=f"{HELP[name]} Of a pattern ('in/*.csv') the new files.")(command)


for _name in ("predict", "encode", "score"):
    _add_command(_name)
