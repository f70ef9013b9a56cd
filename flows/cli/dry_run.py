"""What `layerwise run --dry-run` prints."""

from typing import TYPE_CHECKING

from rich.table import Table

from flows.cli.run import import_downloader
from flows.cli.tables import STYLE
from flows.interpreter import collector_paused
from flows.terminal import output

if TYPE_CHECKING:
    from pipeline.config.schema import RunConfig
    from pipeline.stages.forecasting.forecast import Entry


def print_forecast(config: "RunConfig", refresh: bool) -> None:
    """Print stage by stage what is cached, what is not and how long that takes."""
    import_downloader(config.data.source)
    with collector_paused():
        from pipeline.stages.forecasting.forecast import forecast

    found = forecast(config, refresh)
    table = Table(title="What a run would compute", **STYLE)
    for name in ("stage", "new", "cached", "seconds", "from"):
        table.add_column(
            name, justify="left" if name in ("stage", "from") else "right", no_wrap=True
        )
    for entry in found.entries:
        left = entry.stages - entry.cached
        table.add_row(entry.name, str(left), str(entry.cached), _seconds(entry), entry.source)
    output.print(table)
    output.print(f"\nIn all, with start and end: {found.low:,.0f} to {found.high:,.0f} seconds.")
    output.print(
        f"Disk: {_size(found.stored)} stay, {_size(found.scratch)} are needed meanwhile. Nothing "
        "was started."
    )


def _seconds(entry: "Entry") -> str:
    return f"{entry.low:,.1f} to {entry.high:,.1f}" if entry.high else "-"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
