"""What a notice says: how a run ended, why, with which figures, and where its pages are."""

from typing import Any, Literal, TypedDict

from prefect.client.schemas.objects import FlowRun, State
from prefect.settings import get_current_settings
from prefect.utilities.urls import url_for

from flows.inference import Scored
from flows.page.outcome import REFUSED
from flows.shortened import SHORTENED
from flows.skipped import SKIPPED
from pipeline.evaluation.summary import Summary

Event = Literal["finished", "shortened", "skipped", "refused", "failed", "cancelled", "crashed"]
RUN_ID, MLFLOW_PAGE = "layerwise.mlflow_run", "layerwise.mlflow_page"
"""The labels by which Prefect knows MLflow's run of a flow run, and its page."""


class Notice(TypedDict):
    """What is posted. All values are JSON's."""

    text: str
    """All in a line, which is what Slack and Mattermost show."""
    event: Event
    name: str | None
    """Of the experiment."""
    flow_run: str
    state: str | None
    reason: str | None
    """Why it was skipped, refused, cut short, or failed."""
    run_id: str | None
    """MLflow's; None where there was none yet."""
    metric: str | None
    budgets: list[dict[str, Any]]
    """Labels, mean score of each arm, gain, its interval, p (Holm) and verdict."""
    pages: dict[str, str | None]
    """Addresses of Prefect's and MLflow's pages, where they are served by a lasting server."""
    report: str | None
    model: str | None
    files: list[str]
    """That scheduled inference wrote."""


def notice_of(run: FlowRun, state: State[Any]) -> Notice:
    """The notice of a run that ends in this state."""
    result: Any = state.result(raise_on_failure=False) if state.data is not None else None
    event = _event(state)
    finished: Any = (result if event in ("finished", "shortened") else None) or {}
    summary: Summary | None = finished if "comparison" in finished else None
    scored: Scored | None = finished if "files" in finished else None
    name = (run.parameters.get("config") or {}).get("name")
    budgets = [_budget(row, summary["metric"]) for row in summary["comparison"]] if summary else []
    reason = None if event == "finished" else state.message
    verdicts = [f"{b['labels']} labels: {b['verdict']}" for b in budgets if b["verdict"]]
    files = scored["files"] if scored else []
    if scored:
        verdicts = [str(state.message)]
    what = " ".join(filter(None, [reason, "; ".join(verdicts)]))
    has_page = get_current_settings().logging.to_api.enabled
    return Notice(
        text=f"{name or run.name} {event}" + (f": {what}" if what else ""),
        event=event,
        name=name,
        flow_run=run.name,
        state=state.name,
        reason=reason,
        run_id=_label(run, RUN_ID),
        metric=summary["metric"] if summary else None,
        budgets=budgets,
        pages={
            "prefect": url_for("flow-run", run.id) if has_page else None,
            "mlflow": _label(run, MLFLOW_PAGE),
        },
        report=summary["report"] if summary else None,
        model=summary["export"].get("model_uri")
        if summary
        else scored["model"]
        if scored
        else None,
        files=files,
    )


def _event(state: State[Any]) -> Event:
    if state.is_completed():
        named: dict[str | None, Event] = {SKIPPED: "skipped", SHORTENED: "shortened"}
        return named.get(state.name, "finished")
    if state.is_failed():
        return "refused" if state.name == REFUSED else "failed"
    return "crashed" if state.is_crashed() else "cancelled"


def _budget(row: dict[str, Any], metric: str) -> dict[str, Any]:
    gain = row["gain"] or {}
    return {
        "labels": row["labels"],
        metric: {arm: scores["mean"] for arm, scores in row["arms"].items()},
        "gain": gain.get("mean"),
        "ci95": gain.get("ci95"),
        "p": gain.get("p_holm"),
        "verdict": row["verdict"],
    }


def _label(run: FlowRun, name: str) -> str | None:
    value = run.labels.get(name)
    return None if value is None else str(value)
