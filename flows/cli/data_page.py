"""The page that `layerwise data` prints: what the rows are, and what is done with each column."""

from textwrap import fill
from typing import Any

from rich.table import Table

from flows.cli.tables import STYLE, WIDTH
from flows.terminal import output
from pipeline.data.page import ColumnLine, DataPage, data_page


def print_data(found: dict[str, Any], options: str) -> None:
    """Print a description (`pipeline.data.describe`) and the commands that take these options."""
    page = data_page(found)
    output.print()
    for line in page.lead:
        output.print(line)
    output.print()
    if page.columns:
        _print_columns(page)
    for title, sentences in page.sections.items():
        output.print(title)
        for sentence in sentences:
            output.print(fill(sentence, WIDTH, initial_indent="- ", subsequent_indent="  "))
        output.print()
    if not found["problems"]:
        output.print(f"To run it:    layerwise run {options}")
        output.print(f"As a config:  layerwise config {options}\n")


def _print_columns(page: DataPage) -> None:
    table = Table(**STYLE)
    for name in ColumnLine._fields:
        right = name in ("missing", "distinct")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for line in page.columns:
        table.add_row(*line)
    output.print(table)
    output.print(f"and {page.more:,} columns more (--json lists them)\n" if page.more else "")
