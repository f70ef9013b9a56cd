"""What a run came to, on its page: the comparison when it is there, at the end where all is."""

from flows.page.page import log, page_address, page_is_open, publish
from pipeline.evaluation.summary import Summary
from pipeline.report.gate import gate_lines
from pipeline.report.tables import gain_table
from pipeline.report.verdict import use_instead
from pipeline.stages.context import Run, context_of
from pipeline.stages.summary import read_summary


def show_begin(run: Run) -> None:
    """Where MLflow keeps the record of the run; and there, where this page is."""
    if page_is_open():
        if here := page_address():
            context_of(run).parent.tags({"prefect_page": here})
        address = context_of(run).tracker.page(run.run_id)
        where = f", {address}" if address else ""
        log(f"MLflow run {run.run_id} in experiment {run.experiment!r}{where}")


def show_comparison(run: Run) -> None:
    """The tables, and a line for each label budget."""
    if page_is_open():
        tracker = context_of(run).tracker
        summary = read_summary(tracker, tracker.run(run.run_id))
        publish(summary)
        columns, rows = gain_table(summary)[1:]
        for row in rows:
            cells = [f"{name} {cell}" for name, cell in zip(columns, row, strict=True)]
            log(", ".join(cells))
        if better := use_instead(summary):
            log(better)


def show_places(summary: Summary) -> None:
    """Where the model and the report are."""
    if summary["shortened"]:
        log(summary["shortened"])
    if summary["export"]:
        log(f"SavedModel: {summary['export']['path']}")
        log(f"Registered: {summary['export']['model_uri']}")
        log(gate_lines(summary))
    log(f"Report: {summary['report']}")
