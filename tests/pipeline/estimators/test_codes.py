"""Codes of estimators that learn from labels: `transform`, as `encode` of the exported model."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from layerwise import InputError, StackedClassifier, StackedRegressor
from pipeline.data.sources.read import read_rows
from pipeline.export.inference import infer, model_columns
from tests.pipeline.estimators.quick import FINETUNE

TOPK = {"mechanism": "topk", "k": 3}
LEVELS = [{"units": 16, "epochs": 3}, {"units": 8, "epochs": 3, "sparsity": TOPK}]


@pytest.fixture(scope="module")
def fitted(flowers) -> StackedClassifier:
    model = StackedClassifier(stack=LEVELS, finetune=FINETUNE)
    return model.fit(flowers.drop(columns="species"), flowers["species"])


def test_a_code_is_what_encode_of_the_exported_model_gives(fitted, flowers, tmp_path: Path):
    rows = flowers.drop(columns="species")
    folder = fitted.export(tmp_path / "exported")
    rows.to_csv(tmp_path / "rows.csv", index=False)
    raw = read_rows(str(tmp_path / "rows.csv"), model_columns(folder))
    served = {
        name: infer(folder, name, raw.numbers, raw.categories) for name in ("encode", "reconstruct")
    }
    code = fitted.transform(rows)
    assert code.shape == (150, 8) and ((code != 0).sum(axis=1) <= 3).all()
    np.testing.assert_allclose(served["encode"], code, atol=1e-5)
    back = fitted.inverse_transform(code)
    np.testing.assert_allclose(back["petal_width"], served["reconstruct"]["petal_width"], rtol=1e-4)


def test_units_have_names_and_rows_keep_their_index(fitted, flowers):
    rows = flowers.drop(columns="species").set_index(np.arange(150) + 1000)
    code = fitted.set_output(transform="pandas").transform(rows)
    assert isinstance(code, pd.DataFrame)
    assert code.columns.tolist() == [f"stackedclassifier{unit}" for unit in range(8)]
    assert code.columns.tolist() == fitted.get_feature_names_out().tolist()
    assert code.index.tolist() == rows.index.tolist()
    fitted.set_output(transform="default")


def test_a_regressor_gives_codes_and_takes_only_codes_back(digits):
    rows, classes = digits
    model = StackedRegressor(stack=LEVELS, finetune=FINETUNE)
    assert model.fit_transform(rows[:300], classes[:300] * 1.5).shape == (300, 8)
    with pytest.raises(InputError, match="8 units"):
        model.inverse_transform(np.zeros((1, 3)))
