"""`layerwise config --data FILE`: the config that is proposed for a table, and why."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline.config.loading import load
from tests.flows.conftest import Command, Layerwise, settings


@pytest.fixture
def visits(tmp_path: Path) -> Path:
    """Ten visits of each of thirty patients, with a diagnosis."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(300, 3)).round(3), columns=["a", "b", "c"])
    table["Patient ID"] = np.repeat(np.arange(30), 10)
    table["diagnosis"] = np.where(table["a"] + rng.normal(size=300) > 0, "ill", "well")
    table["note"] = rng.choice(["x", "y"], 300)
    table.to_csv(tmp_path / "visits.csv", index=False)
    return tmp_path


def test_target_task_and_group_are_proposed_with_reasons(command: Command, visits: Path):
    result = command("config", "--data", "visits.csv", folder=visits)
    assert result.exit_code == 0, result.output
    tree = yaml.safe_load(result.stdout)
    assert tree["data"]["label"] == "diagnosis"
    assert tree["data"]["group"] == "Patient ID"
    assert tree["task"] == {"kind": "classification"}
    assert "# data.group: 'Patient ID' ('Patient ID' has 30 values in 300 rows" in result.stdout
    plain = load(None, "visits.csv", "diagnosis").model_dump(mode="json")
    changed = {key for key in tree if tree[key] != plain[key]}
    assert changed == {"data", "task"}


def test_what_the_config_says_already_stays(command: Command, visits: Path):
    told = command(
        "config", "--data", "visits.csv", "--label", "a", "--task", "regression",
        "--set", "data.group=note", "--set", "data.resplit=false", folder=visits,
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    assert not told.stdout.startswith("#")
    assert yaml.safe_load(told.stdout)["data"]["group"] == "note"


def test_few_labels_are_proposed_to_be_split_anew(command: Command, visits: Path):
    result = command("config", "--data", "visits.csv", folder=visits)
    assert yaml.safe_load(result.stdout)["data"]["resplit"] is True
    assert "# data.resplit: True (300 labelled rows: one test split is luck)" in result.stdout
    fixed = command("config", "--data", "visits.csv", "--set", "data.time=c", folder=visits)
    assert "resplit" not in fixed.stdout.split("name:")[0]


def test_many_labels_are_split_once(command: Command, tmp_path: Path):
    values = np.random.default_rng(0).normal(size=(1100, 2))
    table = pd.DataFrame(values, columns=["a", "b"]).assign(
        kind=np.where(values[:, 0] > 0, "p", "q")
    )
    table.to_csv(tmp_path / "many.csv", index=False)
    result = command("config", "--data", "many.csv", folder=tmp_path)
    assert yaml.safe_load(result.stdout)["data"]["resplit"] is False


def test_a_column_of_parts_is_proposed_as_the_split(command: Command, visits: Path):
    table = pd.read_csv(visits / "visits.csv")
    table["note"] = np.where(np.arange(300) % 5, "train", "Test")
    table.to_csv(visits / "visits.csv", index=False)
    tree = yaml.safe_load(command("config", "--data", "visits.csv", folder=visits).stdout)
    assert (tree["data"]["split"], tree["data"]["group"]) == ("note", None)
    page = command("data", "visits.csv", "--label", "diagnosis", folder=visits)
    assert 'data.split: "note" (every cell of ' in page.output
    assert "layerwise config --data visits.csv --label diagnosis" in page.output


def test_a_column_name_is_no_line_of_the_config(command: Command, tmp_path: Path):
    table = pd.DataFrame({"a": np.arange(40) % 7 / 8, "y\nseed: 7": ["p", "q"] * 20})
    table.to_parquet(tmp_path / "t.parquet")
    result = command("config", "--data", "t.parquet", folder=tmp_path)
    tree = yaml.safe_load(result.stdout)
    assert (tree["data"]["label"], tree["seed"]) == ("y\nseed: 7", 0)


def test_a_file_that_cannot_be_used_is_refused_as_by_data(command: Command, tmp_path: Path):
    (tmp_path / "t.csv").write_text("a,y\n1,p\n2\n3,q\n")
    result = command("config", "--data", "t.csv", folder=tmp_path)
    assert result.exit_code == 2
    assert "data.bad_rows" in result.stderr


@pytest.mark.slow
def test_the_printed_config_runs_as_it_is(
    command: Command, layerwise: Layerwise, make_workspace: Callable[[str], Path], visits: Path
):
    folder = make_workspace("proposed")
    (folder / "visits.csv").write_bytes((visits / "visits.csv").read_bytes())
    changes = settings("finetune.label_budgets=[50]", "finetune.references=[]")
    printed = command("config", "--data", "visits.csv", *changes, folder=folder)
    (folder / "proposed.yaml").write_text(printed.stdout)
    result = layerwise("run", "proposed.yaml", folder=folder)
    assert result.returncode == 0, result.stderr
    assert "visits: 300 rows" in result.stdout
