"""What MLflow's page of a run begins with, in Markdown: the answer, and where the rest is."""

from collections.abc import Mapping

from pipeline.evaluation.summary import Summary
from pipeline.report.gate import gate_decision
from pipeline.report.markdown import table_markdown
from pipeline.report.tables import gain_table, headline
from pipeline.report.verdict import verdict_sentence


def run_note(summary: Summary, links: Mapping[str, str]) -> str:
    """The verdict, the gains by label budget, the gate's decision, and links by what they are."""
    found = [f"- [{name}]({address})" for name, address in links.items()]
    parts = [
        f"**{verdict_sentence(summary)}**",
        headline(summary),
        table_markdown(gain_table(summary)),
        *([gate_decision(summary["gate"])] if summary["gate"] else []),
        "\n".join(found),
    ]
    return "\n\n".join(parts) + "\n"
