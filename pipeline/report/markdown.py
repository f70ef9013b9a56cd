"""A run's summary in Markdown: the same tables and notes as on the terminal."""

from collections.abc import Sequence

from pipeline.evaluation.summary import Summary
from pipeline.report.tables import TextTable, headline, notes, tables


def summary_markdown(summary: Summary) -> str:
    """Headline, tables and notes of a run."""
    parts = [headline(summary), *map(table_markdown, tables(summary)), *notes(summary)]
    return "\n\n".join(parts) + "\n"


def table_markdown(table: TextTable) -> str:
    """A table under its title."""
    rules = [":--" if name == "arm" else "--:" for name in table.columns]
    rows = [_row(cells) for cells in (table.columns, rules, *table.rows)]
    return "\n".join([f"**{table.title}**", "", *rows])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
