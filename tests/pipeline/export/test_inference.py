"""Batch inference from an exported folder alone."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

from pipeline.data.source import Column
from pipeline.data.sources.read import read_rows
from pipeline.errors import InputError
from pipeline.export.folder import model_folder
from pipeline.export.inference import describe_model, infer, model_columns

RAW = load_digits().data
NO_CATEGORIES = np.empty((len(RAW), 0), "<U1")


# Which folder


def fake_export(folder: Path) -> Path:
    (folder / "assets.extra").mkdir(parents=True)
    (folder / "saved_model.pb").touch()
    (folder / "assets.extra" / "layerwise.json").write_text("{}")
    return folder


def test_a_name_stands_for_its_highest_version(tmp_path):
    for version in ("2", "10", "9"):
        fake_export(tmp_path / version)
    assert model_folder(tmp_path) == tmp_path / "10"


def test_folders_that_are_no_versions_come_last(tmp_path):
    fake_export(tmp_path / "backup")
    assert model_folder(tmp_path) == tmp_path / "backup"
    fake_export(tmp_path / "1")
    assert model_folder(tmp_path) == tmp_path / "1"


def test_a_version_can_be_given_itself(digits_run):
    assert model_folder(digits_run.model) == digits_run.model
    assert model_folder(digits_run.model.parent) == digits_run.model


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"nowhere' does not exist\. Give an exported folder"):
        model_folder(tmp_path / "nowhere")


def test_a_folder_that_holds_no_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a folder that Layerwise exported"):
        model_folder(tmp_path)


def test_a_savedmodel_of_another_program_is_refused(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").touch()
    with pytest.raises(InputError, match="is not a folder that Layerwise exported"):
        model_folder(tmp_path)


def test_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is not a folder that Layerwise exported"):
        model_folder(tmp_path / "file")


def test_a_model_can_be_used_where_it_was_copied_to(digits_run, tmp_path):
    copied = Path(shutil.copytree(digits_run.model, tmp_path / "elsewhere"))
    original, copy = (
        infer(folder, "serve", RAW[:9], NO_CATEGORIES[:9]) for folder in (digits_run.model, copied)
    )
    pd.testing.assert_frame_equal(original, copy)


# What comes out


def test_the_model_says_which_columns_it_reads(digits_run, flowers_run):
    columns = tuple(Column(f"x{number}", "number") for number in range(64))
    assert model_columns(digits_run.model) == columns
    assert model_columns(flowers_run.model)[1] == Column("garden", "category")
    assert describe_model(digits_run.model)["classes"] == list("0123456789")


@pytest.mark.parametrize(
    ("endpoint", "columns"),
    [
        ("serve", ["label", *(f"probability of {number}" for number in range(10))]),
        ("encode", [f"code_{unit}" for unit in range(24)]),
        ("reconstruct", [f"x{number}" for number in range(64)]),
        ("score", ["reconstruction_error"]),
    ],
)
def test_each_endpoint_has_its_columns_and_a_row_for_each_row(endpoint, columns, digits_run):
    frame = infer(digits_run.model, endpoint, RAW[:20], NO_CATEGORIES[:20])
    assert list(frame.columns) == columns
    assert len(frame) == 20
    assert frame.notna().all(axis=None)


def test_the_label_is_the_class_of_the_greatest_probability(digits_run):
    frame = infer(digits_run.model, "serve", RAW, NO_CATEGORIES)
    best = frame.drop(columns="label").idxmax(axis=1).str.removeprefix("probability of ")
    assert frame["label"].tolist() == best.tolist()
    assert np.mean(frame["label"] == load_digits().target.astype(str)) > 0.5


def test_rows_beyond_a_batch_are_given_in_their_order(digits_run):
    many = np.concatenate([RAW] * 3)  # 5391
    frame = infer(digits_run.model, "score", many, np.empty((len(many), 0), "<U1"))
    once = infer(digits_run.model, "score", RAW, NO_CATEGORIES)
    assert len(frame) == 5391
    expected = np.tile(once["reconstruction_error"], 3)
    np.testing.assert_allclose(frame["reconstruction_error"], expected, rtol=1e-4)


def test_the_numbers_are_those_of_the_signature(digits_run):
    signature = tf.saved_model.load(str(digits_run.model)).signatures["reconstruct"]
    expected = signature(rows=tf.constant(RAW[:30]))["reconstruction"].numpy()
    frame = infer(digits_run.model, "reconstruct", RAW[:30], NO_CATEGORIES[:30])
    np.testing.assert_array_equal(frame.to_numpy(), expected)


def test_a_number_that_training_never_missed_is_refused_by_its_column(digits_run):
    rows = RAW[:5].copy()
    rows[3, 20] = np.nan
    with pytest.raises(InputError, match=r"column 'x20', 1 of 5 cells, first in row 4"):
        infer(digits_run.model, "serve", rows, NO_CATEGORIES[:5])


# Tables


def test_a_table_is_read_by_column_name_in_any_order(flowers_run, flowers, tmp_path):
    shuffled = flowers[["petal_width", "year", "garden", "petal_length", "species",
                        "sepal_width", "sepal_length"]].assign(extra="ignored")  # fmt: skip
    frames = []
    for name, table in (("as_trained", flowers), ("shuffled", shuffled)):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        rows = read_rows(str(tmp_path / f"{name}.csv"), model_columns(flowers_run.model))[:2]
        frames.append(infer(flowers_run.model, "serve", *rows))
    pd.testing.assert_frame_equal(*frames)
    assert np.mean(frames[0]["label"] == flowers["species"]) > 0.9


def test_rows_with_missing_values_are_served_where_training_had_some(flowers_run, flowers):
    assert flowers["sepal_width"].isna().sum() == 17
    assert (flowers["garden"] == "").sum() == 14
    frame = infer(
        flowers_run.model,
        "encode",
        flowers[["sepal_length", "sepal_width", "petal_length", "petal_width"]].to_numpy("float32"),
        flowers[["garden", "year"]].astype(str).to_numpy(str),
    )
    assert frame.shape == (150, 12)
    assert frame.notna().all(axis=None)
