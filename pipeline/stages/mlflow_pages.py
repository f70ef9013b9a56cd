"""What MLflow's pages show of a finished run: the answer first, and the model with its card."""

from pipeline.evaluation.metrics import METRICS
from pipeline.evaluation.summary import Summary
from pipeline.report.model_card import Exported, model_card, model_sentence, score
from pipeline.report.run_note import run_note
from pipeline.stages.summary import REPORT, read_report
from pipeline.tracking.pages.comparison_view import ALL_RUNS, store_comparison_views
from pipeline.tracking.pages.links import run_link, version_link, view_link
from pipeline.tracking.pages.registered import (
    ModelPage,
    describe_version,
    is_described,
    version_of,
)
from pipeline.tracking.runs import FinishedRun, StageRun, short_id
from pipeline.tracking.tracker import Tracker


def write_pages(tracker: Tracker, parent: StageRun, summary: Summary) -> None:
    """Write the description of the run, its report, the views of its charts, its model's pages."""
    run_id, experiment = summary["run_id"], tracker.experiment_id
    run = tracker.run(run_id)
    links = {}
    if summary["report"]:
        parent.page(REPORT, read_report(tracker, run))
        links["Report"] = run_link(experiment, run_id, REPORT)
    store_comparison_views(tracker, run_id, summary["metric"])
    links["Chart of this run, by arm"] = view_link(experiment, run_id)
    links["Chart of all runs, by run and arm"] = view_link(experiment, ALL_RUNS)
    if summary["export"]:
        name, version = _describe_model(tracker, run, summary)
        links[f"Model {name}, version {version}"] = version_link(name, version)
    if prefect_page := run.tags.get("prefect_page"):
        links["Run in Prefect"] = prefect_page
    parent.note(run_note(summary, links))


def _describe_model(tracker: Tracker, run: FinishedRun, summary: Summary) -> tuple[str, str]:
    """Write the pages of the exported model, unless an earlier run made it; its name, version."""
    children = tracker.children(run.run_id)
    (export,) = [child for child in children if child.tags["stage"] == "export"]
    name = export.params["name"]
    version = version_of(tracker, name, export.tags["logged_model"])
    number = str(version.version)
    if is_described(version):
        return name, number
    identity = ("arm", "labels", "seed")
    (trial,) = [
        child
        for child in children
        if child.tags["stage"] == "finetune"
        and all(child.tags[tag] == export.tags[tag] for tag in identity)
    ]
    (data,) = [child for child in children if child.tags["stage"] == "data"]
    exported = Exported(
        name=name,
        version=number,
        arm=trial.tags["arm"],
        labels=int(trial.tags["labels"]),
        seed=int(trial.tags["seed"]),
        score=trial.metrics[summary["metric"]],
    )
    page = ModelPage(
        sentence=model_sentence(summary, exported),
        card=model_card(summary, exported),
        tags={
            "data": summary["data"]["name"],
            "verdict": run.tags["verdict"],
            "score": score(summary, exported),
            "run": short_id(run.run_id),
            **_gate_tag(summary, number),
        },
        metrics={name: value for name, value in trial.metrics.items() if name in METRICS},
        dataset=summary["data"]["name"],
        digest=data.params["fingerprint"],
    )
    describe_version(tracker, version, page)
    return name, number


def _gate_tag(summary: Summary, version: str) -> dict[str, str]:
    """What the gate decided; of a lost model that was exported anew it judged the first version."""
    gate = summary["gate"]
    if gate["version"] != int(version):
        return {}
    return {"gate": "promoted" if gate["promoted"] else "not promoted"}
