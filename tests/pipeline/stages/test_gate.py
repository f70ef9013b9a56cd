"""The gate of whole runs on digits: what becomes the champion, what stays it, and who is told."""

from html import unescape
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_breast_cancer

from pipeline.config.loading import check
from pipeline.report.gate import gate_decision
from pipeline.stages.summary import read_report
from pipeline.tracking.champion import champions, promote, roll_back
from tests.pipeline.whole_runs import Whole, whole_run

BASE: dict[str, Any] = {
    "name": "gated",
    "stack": [{"units": 32, "epochs": 2, "batch_size": 64}],
    "finetune": {
        "arms": ["pretrained", "random"],
        "seeds": 1,
        "epochs": 1,
        "checkpoints": 1,
        "encoder_rates": [1.0],
        "learning_rate": 0.01,
    },
}


def config(labels: int, steps: int, **sections: Any):
    finetune = BASE["finetune"] | {"label_budgets": [labels], "min_steps": steps}
    return check(BASE | {"finetune": finetune} | sections)


FIRST, BETTER, WORSE = config(100, 20), config(1000, 200), config(20, 5)


def gate_of(run: Whole) -> dict[str, Any]:
    return run.summary["gate"]


def in_service() -> tuple[int | None, int | None]:
    (found,) = champions()
    return found.champion, found.previous


def report_of(run: Whole) -> str:
    tracker = run.called.context.tracker
    return unescape(read_report(tracker, tracker.run(run.summary["run_id"])))


def latest(run: Whole) -> int:
    client = run.called.context.tracker.client
    return int(client.get_model_version_by_alias("gated", "latest_run").version)


def test_a_first_model_a_better_one_and_a_worse_one(at_home, tmp_path: Path, monkeypatch):
    at_home(tmp_path, monkeypatch)

    first = whole_run(FIRST, tmp_path)
    assert in_service() == (1, None)
    assert gate_of(first)["promoted"] and gate_of(first)["champion_before"] is None
    assert gate_of(first)["reasons"] == ["There was no champion yet."]
    assert 0 < gate_of(first)["latency_ms"] < 1000
    assert 0.01 < gate_of(first)["size_mb"] < 10

    better = whole_run(BETTER, tmp_path)
    assert in_service() == (2, 1)
    compared = gate_of(better)["compared"]
    assert compared["rows"] == better.summary["data"]["test_rows"]
    assert compared["interval"][0] > -0.01
    test_scores = [run.summary["comparison"][0]["arms"] for run in (better, first)]
    for score, arms in zip((compared["score"], compared["other"]), test_scores, strict=True):
        assert score in [arm["mean"] for arm in arms.values()]
    metrics = better.called.context.tracker.run(better.summary["run_id"]).metrics
    labels = better.summary["comparison"][0]["labels"]
    assert metrics[f"accuracy_pretrained_at_{labels}"] > 0

    worse = whole_run(WORSE, tmp_path)
    assert in_service() == (2, 1) and latest(worse) == 3
    assert not gate_of(worse)["promoted"]
    assert "so worse by more than 1.0 points" in gate_of(worse)["reasons"][0]
    kept = "Version 3 of gated was not promoted; version 2 stayed the champion. On "
    assert gate_decision(gate_of(worse)).startswith(kept)
    assert gate_decision(gate_of(worse)) in report_of(worse)
    described = worse.called.context.tracker.client.get_model_version("gated", "3")
    assert gate_decision(gate_of(worse)) in described.description
    assert described.tags["layerwise.gate"] == "not promoted"

    # A run that computes nothing moves no alias back, nor forward.
    again = whole_run(FIRST, tmp_path)
    assert gate_of(again) == gate_of(first) | {"cached": True}
    assert in_service() == (2, 1) and latest(again) == 3
    assert again.summary["export"]["model_uri"] == "models:/gated/1"
    assert again.summary["report"] == first.summary["report"]

    # With other settings of the gate it is judged again, and an earlier model stays behind.
    looser = whole_run(config(100, 20, gate={"margin": 0.9}), tmp_path)
    assert "The champion, version 2, is a later model" in gate_of(looser)["reasons"][0]
    assert in_service() == (2, 1)
    # That is in the report of this run; the first one's, and the model's page, stay as they were.
    assert gate_decision(gate_of(looser)) in report_of(looser)
    assert gate_decision(gate_of(first)) in report_of(first)
    described = looser.called.context.tracker.client.get_model_version("gated", "1")
    assert gate_decision(gate_of(first)) in described.description
    assert described.tags["layerwise.gate"] == "promoted"

    # What was rolled back stays so, until somebody promotes it.
    roll_back("gated", expected=2)
    whole_run(BETTER, tmp_path)
    assert in_service() == (1, None)
    looser = whole_run(config(1000, 200, gate={"margin": 0.9}), tmp_path)
    assert "Version 2 was taken out of service" in gate_of(looser)["reasons"][0]
    assert in_service() == (1, None)
    promote("gated", 2, expected=1)

    # Rows of another split are few.
    other = whole_run(config(100, 20, seed=7), tmp_path)
    compared = gate_of(other)["compared"]
    assert 40 < compared["rows"] < 110  # a fifth of a fifth of 1,797
    limited = whole_run(config(1000, 200, gate={"latency_ms": 1e-6, "size_mb": 1e-6}), tmp_path)
    assert not gate_of(limited)["promoted"]
    assert in_service() == (2, 1)


def test_a_model_of_another_target_is_not_compared_with_the_champion(
    at_home, tmp_path: Path, monkeypatch
):
    at_home(tmp_path, monkeypatch)
    table = load_breast_cancer(as_frame=True).frame
    table["large"] = (table["mean radius"] > 14).astype(int)  # 0 and 1 as the other target is
    table["size"] = table["large"].map({0: "small", 1: "big"})
    table.to_csv("cells.csv", index=False)

    def of(label: str):
        ignored = sorted({"target", "large", "size"} - {label})
        data = {"source": "cells.csv", "label": label, "ignore": ignored}
        return whole_run(config(50, 20, name="gated", data=data), tmp_path)

    of("target")
    for label in ("large", "size"):
        assert gate_of(of(label))["reasons"] == [
            "It cannot be compared with the champion: it predicts the column target; this model's: "
            f"{label}. gate.cannot_compare: refuse."
        ]
    assert in_service() == (1, None)


def test_aliases_of_the_gate_are_not_for_the_export():
    with pytest.raises(ValueError, match="alias must not be champion or previous"):
        check(BASE | {"export": {"alias": "champion"}})
