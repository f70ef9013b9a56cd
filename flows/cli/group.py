"""The command group: how each command ends, with one clear message and an exit status.

0 done, 1 the run failed, 2 the input or the config was refused; 129 SIGHUP,
130 Ctrl-C, 143 SIGTERM.
"""

import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

import click

from flows.encoding import print_in_any_encoding
from flows.environment import set_environment
from flows.failure import reason_of
from flows.interruption import exit_status, handle_signals, interruption_behind
from pipeline.credentials import redact
from pipeline.errors import InputError

FAILED, REFUSED = 1, 2
STOPPED = "Stopped."
CONTINUE = "Run the same command again to continue."


class CommandGroup(click.Group):
    """Turns the exceptions of its commands into a message and an exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; whatever ends it, the user reads one message."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            stop(str(error), REFUSED)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except (Exception, KeyboardInterrupt) as error:
            if interruption := interruption_behind(error):
                resumable = ctx.invoked_subcommand == "run"
                stop(f"{STOPPED} {CONTINUE}" if resumable else STOPPED, exit_status(interruption))
            if ctx.params.get("verbose"):
                stop(traceback.format_exc(), FAILED)
            stop(f"{reason_of(error)}\nRun again with --verbose to see where it failed.", FAILED)


def stop(message: str, status: int) -> NoReturn:
    """End the program with a message on standard error."""
    click.echo(f"layerwise: {redact(message)}", err=True)
    sys.exit(status)


def _check_current_folder() -> None:
    """Raise `InputError` where the folder that the shell is in was removed meanwhile."""
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise InputError(
            "The current folder was removed. Change into one that is there, for example: cd"
        ) from error


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--verbose", is_flag=True, help="Show what Prefect, MLflow and TensorFlow say.")
@click.version_option(package_name="layerwise")
def main(verbose: bool) -> None:
    """Pretrain stacks of sparse autoencoders, compare with random init, export."""
    _check_current_folder()
    set_environment(verbose)
    handle_signals()
    print_in_any_encoding()
