"""`layerwise clean`: the weights and exports of old runs go."""

import click

from flows.cli.group import main
from flows.interpreter import collector_paused


@main.command()
@click.argument("experiment", required=False)
@click.option("--keep", type=click.IntRange(min=1), required=True,
              help="How many finished runs of each experiment stay, the latest.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Print what would go, and remove nothing.")
def clean(experiment: str | None, keep: int, dry_run: bool) -> None:
    """Remove weights, exports and registered versions of old runs; figures and reports stay.

    Of all experiments, or of EXPERIMENT alone. What an alias names stays, and what a run that stays
    or is in progress was computed from, whichever run computed it.
    """
    with collector_paused():
        from pipeline.tracking.cleaning.clean import clean as removed

    size = things = 0
    for thing in removed(keep, experiment, dry_run):
        click.echo(f"{thing.size:>15,} bytes  {thing.what}")
        size += thing.size
        things += 1
    if not things:
        click.echo("There is nothing to remove.")
        return
    verb = "Would free" if dry_run else "Freed"
    click.echo(f"{verb} {size:,} bytes ({size / 1e6:,.1f} MB): {things:,} things.")
