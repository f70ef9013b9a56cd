"""What `layerwise data` tells."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.config.data import DataConfig
from tests.pipeline.data.reading import describe, read


def described(config: DataConfig) -> dict:
    """Through JSON, as it must be JSON-ready."""
    return json.loads(json.dumps(describe(read(config, kind="auto"), config), allow_nan=False))


def test_a_usable_array_source_is_described():
    account = described(DataConfig())
    assert account["name"] == "digits"
    assert (account["rows"], account["columns"]) == (1797, 64)
    assert account["kinds"]["number"] == 64
    assert account["image_shape"] == [8, 8]
    assert account["range"] == [0, 16]
    assert account["classes"]["0"] == 178
    assert account["per_column"] is None
    assert account["test_rows"] is None
    assert (account["unlabelled_rows"], account["missing"]) == (0, 0)
    assert account["problems"] == []


def test_a_table_is_described_column_by_column(iris: pd.DataFrame, tmp_path: Path):
    iris = iris.assign(garden=["a", "b", None] * 50)
    iris.loc[3, "sepal_width"] = np.nan
    iris.loc[[5, 6], "species"] = None
    iris.to_csv(tmp_path / "a.csv", index=False)
    config = DataConfig(source=str(tmp_path / "a.csv"), label="species", missing="impute")
    account = described(config)
    expected = {"name": "sepal_width", "kind": "number", "missing": 1, "max": 4.4}
    expected |= {"min": 2.0, "distinct": 23, "becomes": "quantiles to normal, 8 pieces"}
    assert account["per_column"][1] == expected
    garden = {"name": "garden", "kind": "category", "missing": 50, "distinct": 2}
    garden["becomes"] = "3 features, one for a value"
    garden["top"] = {"a": 50, "b": 50}
    assert account["per_column"][4] == garden
    sizes = {"pretrain": 102, "pretrain_validation": 18, "train": 100, "validation": 18, "test": 30}
    assert account["split"] == {"holdout": "drawn", **sizes}
    assert account["classes"] == {"setosa": 48, "versicolor": 50, "virginica": 50}
    assert account["unlabelled_rows"] == 2
    assert account["missing"] == 51
    assert account["problems"] == []


def test_a_regression_target_has_a_range(cancer_csv: Path):
    config = DataConfig(source=str(cancer_csv), label="mean radius")
    account = described(config)
    assert account["target_range"] == [6.981, 28.11]
    assert account["classes"] is None
    assert account["problems"] == []


def test_all_problems_are_listed_together(tmp_path: Path):
    x = np.eye(3)
    x[0, 1] = np.nan
    np.savez(tmp_path / "a.npz", x=x, y=np.zeros(3))
    config = DataConfig(source=str(tmp_path / "a.npz"), missing="refuse")
    problems = described(config)["problems"]
    assert len(problems) == 2
    assert "two classes" in problems[0]
    assert "data.missing: impute" in problems[1]


def test_rows_without_target_are_described_with_the_problem(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.eye(4))
    account = described(DataConfig(source=str(tmp_path / "a.npy")))
    assert account["classes"] is None
    assert account["unlabelled_rows"] == 4
    assert "needs labels" in account["problems"][0]


def test_own_test_rows_are_counted(idx_folder: Path):
    assert described(DataConfig(source=str(idx_folder)))["test_rows"] == 297


def test_it_says_what_becomes_of_each_column(tmp_path: Path):
    rows = range(200)
    table = pd.DataFrame({
        "few": [n % 3 for n in rows],
        "many": [None if n % 9 == 0 else n * n for n in rows],
        "day": [f"2020-01-{1 + n % 28:02}" for n in rows],
        "kind": ["red" if n % 2 else "green" for n in rows],
        "y": [n % 2 for n in rows],
    })  # fmt: skip
    table.to_csv(tmp_path / "a.csv", index=False)
    account = described(DataConfig(source=str(tmp_path / "a.csv"), label="y", ignore=["kind"]))
    few, many, day = (column["becomes"] for column in account["per_column"])
    assert re.fullmatch(r"\(it - [01]\.\d+\) / 0\.[78]\d+", few)
    assert many.startswith("quantiles to normal, 8 pieces, missing: ") and many.endswith(
        " and a flag"
    )
    assert day == "elapsed time, place in the week"
    assert [column["distinct"] for column in account["per_column"]] == [3, 177, 28]
