"""The documented clicks on MLflow's own pages, in Chromium: five runs of an experiment.

Two of them are cached copies, whose trials must not be counted with those that they are copies of.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from mlflow import MlflowClient

from flows.cli.tables import print_results
from pipeline.config.loading import check
from pipeline.evaluation.summary import Summary
from pipeline.report.verdict import verdict_sentence
from pipeline.tracking.runs import short_id
from tests.browser.chromium import Tab, chromium
from tests.flows.conftest import free_port, mlflow_server
from tests.pipeline.whole_runs import Whole, whole_run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

LEVEL = {"units": 16, "epochs": 2, "batch_size": 128}
FINETUNE = {
    "arms": ["pretrained", "random"],
    "label_budgets": [50, 100],
    "seeds": 2,
    "min_steps": 20,
    "epochs": 1,
    "checkpoints": 2,
    "encoder_rates": [1.0],
    "references": [],
}
FIRST: dict[str, Any] = {"name": "five", "stack": [LEVEL], "finetune": FINETUNE}
LONGER = FIRST | {"finetune": FINETUNE | {"min_steps": 30}}
WIDER = FIRST | {"stack": [LEVEL | {"units": 24}]}
TRIALS = 4
"""Of an arm in a run: two label budgets, two seeds."""

LINES = """[...document.querySelectorAll(".js-plotly-plot")].flatMap(plot => plot.data)
    .filter(line => line.mode == "lines+markers" && line.metricKey == "accuracy")
    .map(line => [line.uuid, [...line.x], [...line.y]])"""
"""What the chart draws: of each line its group, label budgets and means."""


class Shown(NamedTuple):
    """Runs, and where MLflow shows them."""

    runs: list[Whole]
    server: str


@pytest.fixture(scope="module")
def shown(at_home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    home, port = tmp_path_factory.mktemp("five"), free_port()
    with pytest.MonkeyPatch.context() as patch:
        at_home(home, patch)
        configs = (FIRST, FIRST, LONGER, LONGER, WIDER)
        runs = [whole_run(check(config), home) for config in configs]
    with mlflow_server(home, port):
        yield Shown(runs, f"http://127.0.0.1:{port}")


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with chromium() as opened:
        opened.call("Emulation.setDeviceMetricsOverride", width=1400, height=1100,
                    deviceScaleFactor=1, mobile=False)  # fmt: skip
        yield opened


def printed_chart(whole: Whole, server: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The address in the last lines of a run whose store is this server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", server)
        print_results(whole.summary)
    (found,) = re.findall(r"Its chart: +(\S+)", capsys.readouterr().out)
    return str(found)


def groups(text: str) -> dict[str, int]:
    """The groups of the page of runs, with the number of runs in each."""
    return {name: int(count) for name, count in re.findall(r"Group: (.+)\n(\d+)\n", text)}


def lines(tab: Tab) -> dict[str, dict[int, float]]:
    """Of each group that the chart has a line of: its mean by label budget."""
    tab.wait_for(f"{LINES}.length > 0")
    return {
        group.replace("tag.layerwise.", ""): dict(zip(map(int, budgets), values, strict=True))
        for group, budgets, values in tab.evaluate(LINES)
    }


def means(summary: Summary, arm: str) -> dict[int, Any]:
    """What the table of the run has."""
    return {row["labels"]: pytest.approx(row["arms"][arm]["mean"]) for row in summary["comparison"]}


@pytest.mark.parametrize("which", [0, 3], ids=["computed", "copied"])
def test_the_printed_address_shows_the_trials_of_one_run_by_arm(tab, shown, which, capsys):
    whole = shown.runs[which]
    address = printed_chart(whole, shown.server, capsys)
    assert address.startswith(f"{shown.server}/#/experiments/")
    text = tab.read(address, "Group: pretrained")
    assert groups(text) == {"pretrained": TRIALS, "random": TRIALS}
    assert lines(tab) == {
        f"arm.{arm}": means(whole.summary, arm) for arm in ("pretrained", "random")
    }


def test_a_link_in_the_description_shows_all_runs_by_run_and_arm(tab, shown):
    whole = shown.runs[0]
    tracker = whole.called.context.tracker
    run_id = whole.called.run.run_id
    page = f"{shown.server}/#/experiments/{tracker.experiment_id}/runs/{run_id}"
    link = "Chart of all runs, by run and arm"
    tab.read(page, link)
    expected = {
        f"layerwise.run: {short_id(run.called.run.run_id)}, layerwise.arm: {arm}": means(
            run.summary, arm
        )
        for run in shown.runs
        for arm in ("pretrained", "random")
    }
    text = tab.read(tab.address_of(link), f"Group: {next(iter(expected))}\n")
    assert groups(text) == dict.fromkeys(expected, TRIALS)
    drawn = {
        tuple(re.findall(r"run\.(\w{8})\b.*arm\.(\w+)", group)[0]): line
        for group, line in lines(tab).items()
    }
    assert drawn == {
        tuple(re.findall(r"run: (\w+), .*arm: (\w+)", name)[0]): line
        for name, line in expected.items()
    }


def test_the_page_of_a_run_begins_with_the_verdict_and_the_gains(tab, shown):
    whole = shown.runs[0]
    tracker = whole.called.context.tracker
    run_id = whole.called.run.run_id
    page = f"{shown.server}/#/experiments/{tracker.experiment_id}/runs/{run_id}"
    text = tab.read(page, verdict_sentence(whole.summary))
    verdict = MlflowClient(shown.server).get_run(run_id).data.tags["layerwise.verdict"]
    assert re.search(rf"layerwise\.verdict\s*:?\s*{re.escape(verdict)}", text)
    rows = tab.evaluate('[...document.querySelectorAll("td")].map(cell => cell.innerText)')
    for row in whole.summary["comparison"]:
        gain = f"{100 * row['gain']['mean']:+.1f}"
        assert str(row["labels"]) in rows
        assert any(gain in cell for cell in rows), (gain, rows)


def test_the_page_of_the_model_has_its_card_and_what_it_is_worth(tab, shown):
    whole = shown.runs[0]
    client = MlflowClient(shown.server)
    tags = client.get_model_version("five", "1").tags
    text = tab.read(f"{shown.server}/#/models/five/versions/1", "How to call it")
    assert verdict_sentence(whole.summary) in text
    for tag in ("data", "verdict", "score", "run"):
        value = tags[f"layerwise.{tag}"]
        assert re.search(rf"layerwise\.{tag}\s*:?\s*{re.escape(value)}", text), text
    text = tab.read(f"{shown.server}/#/models/five", "Version 1")
    assert client.get_registered_model("five").description in text
