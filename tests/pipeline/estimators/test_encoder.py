"""StackedEncoder: codes of rows, and rows of codes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from layerwise import InputError, StackedEncoder
from pipeline.export.codes import check_dims
from pipeline.export.inference import describe_model, infer

TOPK = {"mechanism": "topk", "k": 6}
LEVELS = [{"units": 48, "epochs": 20}, {"units": 24, "epochs": 20, "sparsity": TOPK}]


@pytest.fixture(scope="module")
def on_digits(digits) -> StackedEncoder:
    return StackedEncoder(LEVELS).fit(digits[0])


def test_a_code_is_the_sparse_one_of_the_topmost_level(on_digits, digits):
    code = on_digits.transform(digits[0])
    assert code.shape == (len(digits[0]), 24) and code.dtype == np.float32
    assert ((code != 0).sum(axis=1) <= 6).all()


def test_rows_come_back_of_their_codes(on_digits, digits):
    rows, _ = digits
    back = on_digits.inverse_transform(on_digits.transform(rows))
    assert back.shape == rows.shape
    assert np.square(back - rows).mean() < 0.7 * rows.var(axis=0).mean()


def test_units_have_names_and_may_be_a_frame_s_columns(digits):
    encoder = StackedEncoder([8]).set_output(transform="pandas")
    code = encoder.fit_transform(digits[0])
    assert isinstance(code, pd.DataFrame)
    assert code.columns.tolist() == [f"stackedencoder{n}" for n in range(8)]
    assert encoder.get_feature_names_out().tolist() == code.columns.tolist()


def test_labels_are_not_read(on_digits, digits):
    rows, classes = digits
    with_labels = StackedEncoder(LEVELS).fit(rows, classes)
    np.testing.assert_array_equal(with_labels.transform(rows), on_digits.transform(rows))


def test_a_frame_comes_back_as_a_frame(flowers):
    rows = flowers.drop(columns="species").assign(wet=np.arange(150) % 2 == 0)
    encoder = StackedEncoder([{"units": 32, "epochs": 200}]).fit(rows)
    back = encoder.inverse_transform(encoder.transform(rows))
    assert back.columns.tolist() == [c.name for c in encoder.model_.preprocessing.columns]
    assert set(back["garden"]) <= {"", "north", "south", "east"}
    assert back["wet"].dtype == bool
    known = rows["garden"] != ""
    assert (back["garden"] == rows["garden"])[known].mean() > 0.8
    assert abs(back["petal_length"] - rows["petal_length"]).mean() < 0.6


def test_categories_and_missing_values_become_codes_with_the_rows_index(flowers):
    rows = flowers.drop(columns="species").assign(garden=flowers["garden"].astype("category"))
    rows.index = np.arange(150) * 2
    encoder = StackedEncoder([{"units": 8, "epochs": 2}]).set_output(transform="pandas")
    code = encoder.fit_transform(rows)
    assert code.index.equals(rows.index) and code.notna().all(axis=None)
    assert np.isfinite(encoder.transform(rows.assign(garden=None, year=np.nan))).all(axis=None)


def test_it_is_exported_with_its_code_and_the_way_back(on_digits, digits, tmp_path: Path):
    rows, _ = digits
    folder = on_digits.export(tmp_path / "exported")
    raw = rows[:50].astype(np.float64)
    none = np.empty((50, 0), str)
    code = infer(folder, "encode", raw, none)
    np.testing.assert_allclose(code, on_digits.transform(rows[:50]), atol=1e-5)
    np.testing.assert_array_equal(infer(folder, "serve", raw, none), code)
    back = on_digits.inverse_transform(code.to_numpy())
    np.testing.assert_allclose(infer(folder, "reconstruct", raw, none), back, atol=1e-4)
    errors = infer(folder, "score", raw, none)["reconstruction_error"]
    assert 0 < errors.mean() < 2 * on_digits.scores_["reconstruction_error"]
    with pytest.raises(InputError, match="--dims needs a model"):
        check_dims(describe_model(folder), 4)


def test_each_level_says_how_well_it_reconstructs(on_digits):
    assert len(on_digits.levels_) == 2
    assert all(level["explained_variance"] > 0.2 for level in on_digits.levels_)


def test_rows_held_out_say_how_well_the_whole_stack_does(on_digits, digits):
    assert on_digits.scores_.keys() == {"reconstruction_error", "explained_variance"}
    assert 0.2 < on_digits.scores_["explained_variance"] < 1


def test_what_is_no_code_is_refused(on_digits):
    with pytest.raises(InputError, match="24 units"):
        on_digits.inverse_transform(np.zeros((1, 3)))
