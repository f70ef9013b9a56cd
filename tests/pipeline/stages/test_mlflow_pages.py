"""What MLflow's pages show of a finished run and of its model, as its store has it."""

import json
from pathlib import Path

import pytest

from pipeline.report.gate import gate_decision
from pipeline.report.verdict import verdict_sentence
from pipeline.stages.summary import read_report
from pipeline.tracking.pages.registered import version_of
from tests.pipeline.whole_runs import Whole


@pytest.fixture
def client(digits_home: Whole):
    return digits_home.called.context.tracker.client


@pytest.fixture
def parent(digits_home: Whole, client):
    return client.get_run(digits_home.called.run.run_id)


def export_of(whole: Whole):
    tracker = whole.called.context.tracker
    children = tracker.children(whole.called.run.run_id)
    (export,) = [child for child in children if child.tags["stage"] == "export"]
    return export


def trial_of_the_model(whole: Whole):
    tracker, export = whole.called.context.tracker, export_of(whole)
    (trial,) = [
        done.run_id
        for trial, done in whole.called.trials
        if (trial.arm, str(trial.labels), str(trial.seed))
        == tuple(export.tags[tag] for tag in ("arm", "labels", "seed"))
    ]
    return tracker.run(trial)


# The run


def test_the_description_begins_with_the_verdict_and_has_a_line_for_each_budget(
    digits_home, parent
):
    note = parent.data.tags["mlflow.note.content"]
    assert note.startswith(f"**{verdict_sentence(digits_home.summary)}**")
    rows = [line.split(" | ")[0] for line in note.splitlines() if line.startswith("| ")]
    assert rows == ["| labels", "| --:", "| 40", "| 200"]


def test_the_description_says_what_the_gate_decided(digits_home, parent):
    decision = gate_decision(digits_home.summary["gate"])
    assert decision in parent.data.tags["mlflow.note.content"].split("\n\n")


def test_the_description_leads_to_report_charts_and_model(parent):
    note, run_id = parent.data.tags["mlflow.note.content"], parent.info.run_id
    experiment = f"#/experiments/{parent.info.experiment_id}/runs"
    chart = f"{experiment}?compareRunsMode=CHART&viewStateShareKey="
    for link in (
        f"[Report]({experiment}/{run_id}/artifacts/report.html)",
        f"[Chart of this run, by arm]({chart}{run_id})",
        f"[Chart of all runs, by run and arm]({chart}runs)",
        "[Model digits, version 1](#/models/digits/versions/1)",
    ):
        assert link in note


def test_the_report_is_on_the_run_itself_too(digits_home, client, parent):
    file = Path(client.download_artifacts(parent.info.run_id, "report.html"))
    tracker = digits_home.called.context.tracker
    assert file.read_text() == read_report(tracker, tracker.run(parent.info.run_id))


def test_runs_are_found_by_verdict_and_gain_of_a_budget(digits_home, client, parent):
    row = digits_home.summary["comparison"][0]
    metrics = parent.data.metrics
    assert metrics[f"gain_at_{row['labels']}"] == row["gain"]["mean"]
    low, high = row["gain"]["ci95"]
    assert metrics[f"gain_low_at_{row['labels']}"] == low
    assert metrics[f"gain_high_at_{row['labels']}"] == high
    assert "gain" not in metrics
    for condition in (
        f"tags.`layerwise.verdict` LIKE '%{row['verdict']}%'",
        f"metrics.gain_at_{row['labels']} > {low - 0.01}",
    ):
        assert parent.info.run_id in [
            run.info.run_id for run in client.search_runs([parent.info.experiment_id], condition)
        ]


def test_the_view_of_a_run_counts_each_trial_once(digits_home, client, parent):
    tags = client.get_experiment(parent.info.experiment_id).tags
    view = json.loads(tags[f"mlflow.sharedViewState.{parent.info.run_id}"])
    shown = client.search_runs([parent.info.experiment_id], view["searchFilter"])
    assert {run.info.run_id for run in shown} == {
        done.run_id for _, done in digits_home.called.trials
    }
    assert view["groupBy"]["groupByKeys"] == [{"mode": "tag", "groupByData": "layerwise.arm"}]


# The model


@pytest.fixture
def version(digits_home: Whole):
    tracker = digits_home.called.context.tracker
    return version_of(tracker, "digits", export_of(digits_home).tags["logged_model"])


def test_the_logged_model_has_the_model_s_name_and_is_shown_as_registered(client, version):
    model = client.get_logged_model(version.source.removeprefix("models:/"))
    assert model.name == "digits"
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": "digits", "version": "1"}]


def test_its_scores_are_linked_to_the_dataset(digits_home, client, parent, version):
    model = client.get_logged_model(version.source.removeprefix("models:/"))
    (logged,) = parent.inputs.dataset_inputs
    trial = trial_of_the_model(digits_home)
    accuracy = next(metric for metric in model.metrics if metric.key == "accuracy")
    assert accuracy.value == trial.metrics["accuracy"]
    assert (accuracy.dataset_name, accuracy.dataset_digest) == (
        logged.dataset.name,
        logged.dataset.digest,
    )


def test_the_version_says_data_verdict_score_run_and_gate(digits_home, parent, version):
    trial = trial_of_the_model(digits_home)
    assert (
        version.tags.items()
        >= {
            "layerwise.data": "digits",
            "layerwise.verdict": parent.data.tags["layerwise.verdict"],
            "layerwise.score": f"accuracy {100 * trial.metrics['accuracy']:.1f} %",
            "layerwise.run": parent.info.run_id[:8],
            "layerwise.gate": "promoted",
        }.items()
    )


def test_the_card_tells_data_comparison_limits_and_how_to_call_it(digits_home, client, version):
    model = client.get_logged_model(version.source.removeprefix("models:/"))
    card = Path(model.artifact_location.removeprefix("file://"), "model_card.md").read_text()
    assert version.description == card
    headings = [line[3:] for line in card.splitlines() if line.startswith("## ")]
    assert headings == [
        "What it was trained on", "How it compares", "At the gate", "How to call it", "Limits"
    ]  # fmt: skip
    assert gate_decision(digits_home.summary["gate"]) in card
    assert verdict_sentence(digits_home.summary) in card
    assert 'mlflow.pyfunc.load_model("models:/digits/1")' in card
    assert client.get_registered_model("digits").description in card
