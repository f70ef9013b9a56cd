"""The estimator of a run that needed no label gives what the exported model gives."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer

from layerwise import AnomalyDetector, StackedEncoder, from_run
from pipeline.config.loading import check
from pipeline.data.sources.read import read_rows
from pipeline.export.inference import infer, model_columns
from tests.pipeline.whole_runs import whole_run

JOINT = {"epochs": 2, "min_steps": 20}
QUICK: dict[str, Any] = {
    "stack": [{"units": 24, "epochs": 2}, {"units": 12, "epochs": 2}],
    "finetune": {"arms": ["pretrained"], "seeds": 1, "references": []},
}


@pytest.fixture
def table(uri, tmp_path: Path) -> pd.DataFrame:
    """Tumours, of which malignant ones are told in a column, in the test's folder."""
    rows, benign = load_breast_cancer(return_X_y=True, as_frame=True)
    table = rows.iloc[:, :10].assign(kind=np.where(benign == 1, "benign", "malignant"))
    table.to_csv(tmp_path / "tumours.csv", index=False)
    return table


def served_by_a_run(folder: Path, task: dict[str, Any], endpoint: str, **data: Any) -> pd.DataFrame:
    """What the model gives that a run of this task exports, of all rows of the table."""
    source = str(folder / "tumours.csv")
    data = {"source": source, "ignore": [] if "label" in data else ["kind"], **data}
    run = whole_run(check({"name": "tumours", "data": data, "task": task, **QUICK}), folder)
    raw = read_rows(source, model_columns(run.model))
    return infer(run.model, endpoint, raw.numbers, raw.categories)


def test_of_anomalies_a_detector(table: pd.DataFrame, tmp_path: Path):
    task = {"kind": "anomaly", "false_alarms": 0.1, "joint": JOINT}
    served = served_by_a_run(tmp_path, task, "serve", label="kind")
    model = from_run("tumours")
    assert isinstance(model, AnomalyDetector)
    rows = table.drop(columns="kind")
    assert (model.predict(rows) == -1).tolist() == (served["label"] == "anomaly").tolist()
    np.testing.assert_allclose(model.score_samples(rows), -served["score"], rtol=1e-4, atol=1e-5)
    assert (model.false_alarms, model.joint["epochs"]) == (0.1, 2)
    assert model.scores_["auroc"] > 0.5
    assert model.feature_names_in_.tolist() == rows.columns.tolist()


def test_of_an_embedding_an_encoder(table: pd.DataFrame, tmp_path: Path):
    task = {"kind": "embed", "dims": 4, "prefixes": [2], "joint": JOINT}
    served = served_by_a_run(tmp_path, task, "encode")
    model = from_run()
    assert isinstance(model, StackedEncoder)
    np.testing.assert_allclose(model.transform(table), served, rtol=1e-4, atol=1e-5)
    assert model.get_feature_names_out().tolist() == [f"stackedencoder{n}" for n in range(4)]
    model.save(tmp_path / "saved")
    again = StackedEncoder.load(tmp_path / "saved")
    np.testing.assert_array_equal(again.transform(table), model.transform(table))


def test_of_denoising_an_encoder_whose_way_back_takes_noise_off(table, tmp_path: Path):
    task = {"kind": "denoise", "joint": JOINT}
    served = served_by_a_run(tmp_path, task, "serve")
    model = from_run("tumours")
    assert isinstance(model, StackedEncoder)
    given = model.inverse_transform(model.transform(table))
    np.testing.assert_allclose(given, served[given.columns], rtol=1e-3)
    assert "snr" in model.scores_
