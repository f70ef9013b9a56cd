"""The estimator of a tracked run predicts what the model predicts that the run has exported."""

import numpy as np
import pytest

from layerwise import InputError, StackedClassifier, from_run
from pipeline.data.sources.read import read_rows
from pipeline.export.inference import infer, model_columns


def test_of_a_table(flowers_home, flowers):
    model = from_run("flowers")
    assert isinstance(model, StackedClassifier)
    rows = flowers.drop(columns="species")
    flowers_csv = str(flowers_home.home / "flowers.csv")
    raw = read_rows(flowers_csv, model_columns(flowers_home.model))
    served = infer(flowers_home.model, "serve", raw.numbers, raw.categories)
    assert model.predict(rows).tolist() == served["label"].tolist()
    shares = served[[f"probability of {name}" for name in model.classes_]]
    np.testing.assert_allclose(model.predict_proba(rows), shares, atol=1e-5)
    assert model.feature_names_in_.tolist() == rows.columns.tolist()


def test_of_arrays(digits_home, digits):
    model = from_run(digits_home.called.run.run_id)
    rows, classes = digits
    raw = read_rows("digits", model_columns(digits_home.model))
    served = infer(digits_home.model, "serve", raw.numbers, raw.categories)
    np.testing.assert_array_equal(model.predict(rows * 16).astype(str), served["label"])
    assert model.classes_.tolist() == list(range(10))
    exported = digits_home.summary["export"]
    assert model.score(rows * 16, classes) > 0.5 and exported


def test_of_no_run(uri):
    with pytest.raises(InputError):
        from_run("nothing")
