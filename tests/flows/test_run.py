"""`layerwise run` on digits from end to end, and what can be done with the run afterwards."""

import json
import re
import shlex
import urllib.request
from collections import Counter
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from mlflow import MlflowClient
from mlflow.cli import cli as mlflow_command
from sklearn.datasets import load_digits

from pipeline.report.gate import gate_decision
from tests.flows.conftest import Command, Layerwise, settings

BUDGETS = [30, 200]


class Finished(NamedTuple):
    """A run that went well."""

    folder: Path
    arguments: list[str]
    stdout: str
    stderr: str
    summary: dict[str, Any]


@pytest.fixture(scope="module")
def finished(make_workspace, layerwise: Layerwise) -> Finished:
    folder = make_workspace("digits")
    arguments = ["run", "digits", *settings(f"finetune.label_budgets={BUDGETS}")]
    result = layerwise(*arguments, "--summary", "summary.json", folder=folder)
    assert result.returncode == 0, result.stderr
    summary = json.loads((folder / "summary.json").read_text())
    return Finished(folder, arguments, result.stdout, result.stderr, summary)


@pytest.fixture(scope="module")
def held_out(finished: Finished) -> pd.DataFrame:
    """Raw digits in a .npz file beside the run, and what `predict` says of them."""
    data = load_digits()
    np.savez(finished.folder / "rows.npz", x=data.data[:100].astype("float32"))
    return data.target[:100]


def test_the_tables_show_levels_and_arms(finished: Finished):
    words = " ".join(finished.stdout.split())
    assert "level units epochs error explained active dead seconds" in words
    assert re.search(r"1 32 4 0\.\d+ 0\.\d+ 0\.\d+ 0\.\d+ \d+\.\d", words)
    assert "labels pretrained random gain 95 % interval p verdict" in words
    gain = r"[+-]\d+\.\d \[[+-]\S+, [+-]\S+\]"
    for budget in BUDGETS:
        assert re.search(
            rf"{budget} (\d+\.\d ± \d+\.\d ){{2}}{gain} \S+ (helps|hurts|no evidence)", words
        )
        assert re.search(rf"{budget} frozen \d+\.\d ± \d+\.\d {gain}", words)
    saving = "pretrained at equals random at 95 % interval times"
    unknown = [f"What {budget} labels save is not known" for budget in BUDGETS]
    assert saving in words or all(sentence in words for sentence in unknown)


def test_the_tables_fit_a_terminal_of_80_columns(finished: Finished):
    tables = finished.stdout.partition("SavedModel:")[0]
    assert max(map(len, tables.splitlines())) <= 90  # the notes below a table may be longer
    rows = [line for line in tables.splitlines() if "±" in line and "labels" not in line]
    assert max(map(len, rows)) <= 80


def test_the_terminal_shows_nothing_but_our_own_lines(finished: Finished):
    ours = r"(pretrain level \d(, stack 2)? \(\d+ units\)|fine-tune): "
    assert [line for line in finished.stderr.splitlines() if not re.match(ours, line)] == []


def test_status_shows_the_finished_run_with_its_verdicts(finished: Finished, command: Command):
    result = command("status", "--json", folder=finished.folder)
    (run,) = json.loads(result.stdout)["runs"]
    assert run["run_id"] == finished.summary["run_id"]
    assert (run["state"], run["done"]) == ("finished", run["stages"])
    verdicts = {str(row["labels"]): row["verdict"] for row in finished.summary["comparison"]}
    assert run["verdicts"] == verdicts
    shown = command("status", folder=finished.folder).output
    assert run["run_id"] in shown
    for labels, verdict in verdicts.items():
        assert f"{labels}: {verdict}" in shown


def test_a_dry_run_of_the_same_says_that_all_is_cached(finished: Finished, command: Command):
    result = command(*finished.arguments, "--dry-run", folder=finished.folder)
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines() if line.split()[-1:] == ["cached"]]
    assert {row[-4] for row in rows} == {"0"}
    assert [row[0] for row in rows[-4:]] == ["compare", "export", "gate", "report"]
    assert "Disk: 0.0 MB stay" in result.stdout


def test_a_dry_run_of_one_more_seed_knows_how_long_the_others_took(
    finished: Finished, command: Command
):
    arguments = [*finished.arguments, "--set", "finetune.seeds=3", "--dry-run"]
    result = command(*arguments, folder=finished.folder)
    (trials,) = (line for line in result.stdout.splitlines() if "random, 200 labels" in line)
    assert re.search(r"1 +2 +\d+\.\d to \d+\.\d +earlier run", trials)
    assert re.search("export of the best trial +1 +0", result.stdout)


def test_the_run_ends_with_where_everything_is(finished: Finished):
    path = re.search(r"^SavedModel: (.+)$", finished.stdout, re.M)
    assert path and (Path(path[1]) / "saved_model.pb").is_file()
    assert Path(path[1]) == finished.folder / "exports" / "digits" / "1"
    line = re.search(r"^MLflow: +(.+)$", finished.stdout, re.M)
    assert line
    program, *arguments = shlex.split(line[1])
    assert Path(program).is_file()
    assert arguments[:2] == ["ui", "--backend-store-uri"]
    assert arguments[2] == f"sqlite:///{finished.folder}/mlruns/mlflow.db"


def test_the_summary_has_the_promised_fields(finished: Finished):
    summary = finished.summary
    assert summary["experiment"] == "digits"
    assert summary["data"]["rows"] == 1797
    assert summary["data"]["features"] == 64
    assert summary["data"]["classes"] == list("0123456789")
    assert [level["units"] for level in summary["layers"]] == [32, 16]
    for level in summary["layers"]:
        assert level["reconstruction_error"] > 0
        assert 0 < level["explained_variance"] < 1
        assert 0 < level["active_fraction"] <= 0.75
        assert 0 <= level["dead_fraction"] < 1
        assert level["seconds"] > 0
        assert level["cached"] is False
    assert [row["labels"] for row in summary["comparison"]] == BUDGETS
    for row in summary["comparison"]:
        scores = {arm: row["arms"][arm]["accuracy"] for arm in ("pretrained", "random", "frozen")}
        assert all(len(values) == 2 for values in scores.values())
        differences = np.subtract(scores["pretrained"], scores["random"])
        assert row["gain"]["mean"] == pytest.approx(differences.mean())
        low, high = row["gain"]["ci95"]
        assert low <= row["gain"]["mean"] <= high
        assert row["gain"]["p_value"] >= 0.5  # two seeds have four sign patterns
        assert row["verdict"] in ("helps", "hurts", "no evidence")
    endpoints = ["serve", "encode", "reconstruct", "score", "encode_level_1", "encode_level_2"]
    assert summary["export"]["endpoints"] == endpoints
    assert set(summary["seconds"]) >= {"data", "pretrain 1", "pretrain 2", "finetune", "export"}


def test_the_report_is_beside_the_summary_and_in_the_store(finished: Finished):
    report = (finished.folder / "summary.html").read_text(encoding="utf-8")
    assert report.startswith("<!doctype html>\n<html")
    line = re.search(r"^Report: +(.+)$", finished.stdout, re.M)
    assert line and Path(line[1]).read_text(encoding="utf-8") == report
    assert finished.summary["report"] == line[1]


def test_the_report_is_drawn_after_the_gate_and_says_what_it_decided(finished: Finished):
    client = MlflowClient(f"sqlite:///{finished.folder}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("digits")
    runs = client.search_runs([experiment.experiment_id], max_results=100)
    stages = {run.data.tags["layerwise.stage"]: run.info for run in runs}
    for before, after in pairwise(["compare", "export", "gate", "report"]):
        assert stages[before].end_time <= stages[after].start_time
    report = (finished.folder / "summary.html").read_text(encoding="utf-8")
    assert gate_decision(finished.summary["gate"]) in unescape(report)


def test_every_stage_is_a_finished_mlflow_run_below_the_run(finished: Finished):
    client = MlflowClient(f"sqlite:///{finished.folder}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("digits")
    runs = client.search_runs([experiment.experiment_id], max_results=100)
    parent = finished.summary["run_id"]
    children = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == parent]
    assert len(children) == len(runs) - 1
    stages = [r.data.tags["layerwise.stage"] for r in children]
    counts = {stage: stages.count(stage) for stage in set(stages)}
    trials = len(BUDGETS) * 2 * 3
    assert counts == {
        "data": 1, "pretrain": 2 * 2, "finetune": trials, "compare": 1, "export": 1,
        "gate": 1, "report": 1,
    }  # fmt: skip
    assert {r.info.status for r in runs} == {"FINISHED"}
    assert all(r.data.metrics["seconds"] > 0 for r in children)
    by_arm = dict.fromkeys(("pretrained", "random", "frozen"), 0)
    for run in children:
        if run.data.tags["layerwise.stage"] == "finetune":
            by_arm[run.data.tags["layerwise.arm"]] += 1
            assert 0 <= run.data.metrics["accuracy"] <= 1
    assert set(by_arm.values()) == {trials // 3}


def test_no_pickle_is_stored_anywhere(finished: Finished):
    files = [path for path in finished.folder.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [p for p in files if p.suffix in (".pkl", ".pickle", ".joblib", ".cloudpickle")] == []
    assert [p for p in files if p.read_bytes()[:2] in (b"\x80\x04", b"\x80\x05")] == []


def asked_of_prefect(prefect_url: str, what: str, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    request = urllib.request.Request(
        f"{prefect_url}/{what}/filter",
        data=json.dumps(wanted).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def cached_tasks(prefect_url: str) -> Counter[str]:
    """Names of the task runs that Prefect shows as cached."""
    wanted = {"task_runs": {"state": {"name": {"any_": ["Cached"]}}}}
    return Counter(run["name"] for run in asked_of_prefect(prefect_url, "task_runs", wanted))


def test_prefect_does_not_learn_the_tracking_address_which_may_hold_a_password(
    finished: Finished, prefect_url: str
):
    runs = asked_of_prefect(prefect_url, "flow_runs", {"sort": "START_TIME_DESC"})
    stored = [run["parameters"] for run in runs]
    assert any("config" in parameters for parameters in stored)
    assert any("stacks" in parameters for parameters in stored)  # the flow within
    assert "mlflow.db" not in json.dumps(stored)


def test_a_second_run_takes_the_stages_from_the_first(
    finished: Finished, layerwise: Layerwise, prefect_url: str
):
    before = cached_tasks(prefect_url)
    again = layerwise(
        *finished.arguments,
        *("--summary", "again.json"),
        folder=finished.folder,
        PYTHONPROFILEIMPORTTIME="1",
    )
    assert again.returncode == 0, again.stderr
    imported = set(re.findall(r"^import time:.*\| +(\S+)$", again.stderr, re.M))
    assert {"prefect", "mlflow"} < imported
    assert imported.isdisjoint({"tensorflow", "keras", "scipy.stats"})  # nothing is to be computed
    summary = json.loads((finished.folder / "again.json").read_text())
    assert [level["cached"] for level in summary["layers"]] == [True, True]
    assert summary["comparison"] == finished.summary["comparison"]
    assert "cached" in again.stdout
    assert summary["export"] == finished.summary["export"]
    report = (finished.folder / "again.html").read_text(encoding="utf-8")
    assert report == (finished.folder / "summary.html").read_text(encoding="utf-8")
    levels = {f"pretrain level {n}{s}": 1 for n in (1, 2) for s in ("", ", stack 2")}
    trials = {
        f"fine-tune {arm}, {labels} labels, seed {seed}": 1
        for arm in ("pretrained", "random", "frozen")
        for labels in BUDGETS
        for seed in (0, 1)
    }
    endings = {f"{stage} digits": 1 for stage in ("compare", "export", "gate", "report")}
    assert cached_tasks(prefect_url) - before == Counter(levels | trials | endings)


def test_compare_reads_the_same_figures_back(finished: Finished, command: Command):
    shown = command("compare", "digits", "--json", folder=finished.folder)
    assert shown.exit_code == 0, shown.stderr
    assert json.loads(shown.stdout)["comparison"] == finished.summary["comparison"]
    run_id = json.loads(shown.stdout)["run_id"]
    with_itself = command("compare", "digits", run_id, "--json", folder=finished.folder)
    found = json.loads(with_itself.stdout)
    assert found["paired"]
    assert {row["gain"]["mean"] for row in found["rows"]} == {0.0}
    table = command("compare", folder=finished.folder)
    assert re.findall(r"[+-]\d+\.\d .*", table.stdout) == re.findall(
        r"[+-]\d+\.\d .*", finished.stdout
    )


def test_export_copies_the_model_of_a_tracked_run(finished: Finished, command: Command):
    by_name = command("export", "digits", "copy/by_name", folder=finished.folder)
    assert by_name.exit_code == 0, by_name.stderr
    assert (finished.folder / "copy" / "by_name" / "1" / "saved_model.pb").is_file()
    result = command("export", finished.summary["run_id"], "copy/here", folder=finished.folder)
    assert result.exit_code == 0, result.stderr
    copied = finished.folder / "copy" / "here" / "1"
    assert Path(result.stdout.strip()) == copied.resolve() or result.stdout.strip() == "copy/here/1"
    original = Path(finished.summary["export"]["path"])
    names = sorted(p.relative_to(original) for p in original.rglob("*") if p.is_file())
    assert sorted(p.relative_to(copied) for p in copied.rglob("*") if p.is_file()) == names
    assert all((copied / n).read_bytes() == (original / n).read_bytes() for n in names)


def test_predict_gives_a_class_for_each_row(
    finished: Finished, held_out: np.ndarray, layerwise: Layerwise
):
    result = layerwise(
        "predict", "exports/digits", "rows.npz", "-o", "labels.csv", folder=finished.folder
    )
    assert result.returncode == 0, result.stderr
    assert re.fullmatch(r"100 rows in labels\.csv, [\d.]+ s, [\d,]+ rows/s\n", result.stdout)
    frame = pd.read_csv(finished.folder / "labels.csv")
    probabilities = frame[[f"probability of {digit}" for digit in range(10)]].to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(frame["label"], probabilities.argmax(axis=1))
    assert np.mean(frame["label"] == held_out) > 0.5


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("encode", [f"code_{unit}" for unit in range(16)]),
        ("reconstruct", [f"x{column}" for column in range(64)]),
        ("score", ["reconstruction_error"]),
    ],
)
def test_the_registered_model_encodes_reconstructs_and_scores(
    finished: Finished, held_out: np.ndarray, command: Command, name: str, columns: list[str]
):
    result = command(
        name, "models:/digits@latest_run", "rows.npz", "-o", "out.parquet",
        folder=finished.folder,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    frame = pd.read_parquet(finished.folder / "out.parquet")
    assert list(frame.columns) == columns
    assert len(frame) == len(held_out)
    assert np.isfinite(frame.to_numpy()).all()


def test_the_printed_mlflow_line_is_a_command_that_works(finished: Finished):
    line = re.search(r"^MLflow: +(.+)$", finished.stdout, re.M)
    assert line
    _, *arguments = shlex.split(line[1])  # the program is there, see above
    result = CliRunner().invoke(mlflow_command, [*arguments, "--help"])
    assert result.exit_code == 0, result.output
    assert "--backend-store-uri" in result.output
