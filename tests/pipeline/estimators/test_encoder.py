"""StackedEncoder: codes of rows, and rows of codes."""

import numpy as np
import pandas as pd
import pytest

from layerwise import InputError, StackedEncoder

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


def test_each_level_says_how_well_it_reconstructs(on_digits):
    assert len(on_digits.levels_) == 2
    assert all(level["explained_variance"] > 0.2 for level in on_digits.levels_)


def test_what_is_no_code_is_refused(on_digits):
    with pytest.raises(InputError, match="24 units"):
        on_digits.inverse_transform(np.zeros((1, 3)))
