"""`layerwise promote` and `layerwise rollback`: which version of a model is in service."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from flows.cli.group import main

if TYPE_CHECKING:
    from pipeline.tracking.champion import Champion


@main.command()
@click.argument("model")
@click.argument("version", type=click.IntRange(min=1))
def promote(model: str, version: int) -> None:
    """Make a VERSION of a registered MODEL the champion; the present one becomes `previous`."""
    from pipeline.tracking.champion import promote

    before = _one_at_a_time(model, lambda seen: promote(model, version, seen.champion))
    was = f"; previous: version {before.champion}" if before.champion else ""
    click.echo(f"{model}: the champion is version {version}{was}.")


@main.command()
@click.argument("model")
def rollback(model: str) -> None:
    """Make the previous champion of a registered MODEL the champion again.

    The version that was in service is marked: no run promotes it again.
    """
    from pipeline.tracking.champion import roll_back

    before = _one_at_a_time(model, lambda seen: roll_back(model, seen.champion))
    click.echo(
        f"{model}: the champion is version {before.previous} again; version {before.champion} is "
        "out of service."
    )


def _one_at_a_time(model: str, move: "Callable[[Champion], Champion]") -> "Champion":
    """Move aliases while nobody else does, as long as the champion is the one seen now."""
    from pipeline.tracking.champion import seen_champion
    from pipeline.tracking.promotion_lock import promotion_lock
    from pipeline.tracking.store import database_file, tracking_uri

    seen = seen_champion(model)
    if database_file(tracking_uri()):
        with promotion_lock(lambda: click.echo("Another promotion is under way ...", err=True)):
            return move(seen)
    from prefect.settings import get_current_settings

    if not get_current_settings().api.url:
        click.echo(
            "note: nothing keeps two promotions apart that come at one moment: MLflow is a server, "
            "and no Prefect server is configured (PREFECT_API_URL).",
            err=True,
        )
        return move(seen)
    from flows.promotion import one_promotion

    with one_promotion():
        return move(seen)
