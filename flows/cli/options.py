"""The options that make a config: a preset or a file, and what changes it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

label_option = click.option("--label", help="The column that holds the target.")
task_option = click.option(
    "--task", metavar="NAME", help="What the target is, e.g. regression.  [default: it decides]"
)
when_changed_option = click.option(
    "--when-changed", is_flag=True,
    help="Skip the run where rows and config are those of the last finished one.",
)  # fmt: skip
set_option = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE",
    help="Change one value, e.g. stack.0.units=256. May be given several times.",
)  # fmt: skip


def config_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `[CONFIG] --data --label --task --set`; the command is handed the config they make."""

    @click.argument("config", required=False)
    @click.option("--data", help="A built-in name, a file or a folder.")
    @label_option
    @task_option
    @set_option
    @wraps(command)
    def with_config(
        config: str | None,
        data: str | None,
        label: str | None,
        task: str | None,
        settings: tuple[str, ...],
        **others: Any,
    ) -> Any:
        from pipeline.config.loading import load

        name = config or (None if data else "digits")
        return command(load(name, data, label, settings, task), **others)

    return with_config
