"""The options that make a config: a preset or a file, and what changes it."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipeline.config.schema import RunConfig

label_option = click.option("--label", help="The column that holds the target.")
unlabelled_option = click.option(
    "--unlabelled", metavar="FILE", help="More rows of the same columns, without labels."
)
task_option = click.option(
    "--task", metavar="NAME", help="What the target is, e.g. regression.  [default: it decides]"
)
when_changed_option = click.option(
    "--when-changed", is_flag=True,
    help="Skip the run where rows and config are those of the last finished one.",
)  # fmt: skip
notify_option = click.option(
    "--notify", metavar="URL",
    help="Post how the run ends to this address, or to the one in a variable: '$NAME'.",
)  # fmt: skip
time_limit_option = click.option(
    "--time-limit", metavar="LENGTH",
    help="Begin nothing that would end later, e.g. 90m or 1h30m, and compare what is there.",
)  # fmt: skip
keep_option = click.option(
    "--keep", multiple=True, metavar="COLUMNS",
    help="Columns of a table to carry into the output, e.g. id,name.",
)  # fmt: skip
_CODES = (
    click.option("--level", type=click.IntRange(min=1),
                 help="The code of this level, from 1 at the rows upward; by default of the whole "
                 "stack."),
    click.option("--dims", type=click.IntRange(min=1),
                 help="The first so many dimensions alone, of a model of the task embed."),
)  # fmt: skip
set_option = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE",
    help="Change one value, e.g. stack.0.units=256. May be given several times.",
)  # fmt: skip


def code_options(command: str) -> tuple[Callable[..., Any], ...]:
    """Which codes are wanted: options of `encode` alone, whose name is `command`."""
    return _CODES if command == "encode" else ()


def config_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `[CONFIG]` and the options that change it; the command is handed the config."""

    @click.argument("config", required=False)
    @changes
    @wraps(command)
    def with_config(config: str | None, **others: Any) -> Any:
        (made,), rest = _configs([config] if config else [], **others)
        return command(made, **rest)

    return with_config


def configs_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """As `config_options`, for any number of configs: the command is handed the list of them."""

    @click.argument("configs", nargs=-1, metavar="[CONFIG]...")
    @changes
    @wraps(command)
    def with_configs(configs: tuple[str, ...], **others: Any) -> Any:
        made, rest = _configs(configs, **others)
        return command(made, **rest)

    return with_configs


def changes(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that change a config."""
    data_option = click.option("--data", help="A built-in name, a file or a folder.")
    return data_option(label_option(unlabelled_option(task_option(set_option(command)))))


def _configs(
    names: Sequence[str],
    data: str | None,
    label: str | None,
    unlabelled: str | None,
    task: str | None,
    settings: tuple[str, ...],
    **others: Any,
) -> tuple[list["RunConfig"], dict[str, Any]]:
    """The configs, all with the same changes, and the other options."""
    from pipeline.config.loading import load
    from pipeline.errors import noted, raise_all

    configs: list[RunConfig] = []
    problems: list[str] = []
    wanted: Sequence[str | None] = names or [None if data else "digits"]
    for name in wanted:
        found: list[str] = []
        with noted(found):
            configs.append(load(name, data, label, settings, task, unlabelled))
        problems += [f"{name}: {problem}" if len(names) > 1 else problem for problem in found]
    raise_all(problems)
    return configs, others
