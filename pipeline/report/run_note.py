"""What MLflow's page of a run begins with, in Markdown: the answer, and where the rest is."""

from collections.abc import Mapping

from pipeline.evaluation.summary import Summary
from pipeline.report.markdown import table_markdown
from pipeline.report.tables import gain_table, headline
from pipeline.report.verdict import verdict_sentence


def run_note(summary: Summary, links: Mapping[str, str]) -> str:
    """The verdict, the gains by label budget, and links by what they lead to."""
    found = [f"- [{name}]({address})" for name, address in links.items()]
    parts = [
        f"**{verdict_sentence(summary)}**",
        headline(summary),
        table_markdown(gain_table(summary)),
        "\n".join(found),
    ]
    return "\n\n".join(parts) + "\n"
