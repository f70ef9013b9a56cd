"""An estimator in a folder: as it was, without pickle, whole or refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from layerwise import InputError, StackedClassifier, StackedEncoder, StackedRegressor
from pipeline.export.inference import infer, model_columns
from tests.pipeline.estimators.quick import QUICK, STACK


@pytest.fixture(scope="module")
def on_flowers(flowers) -> StackedClassifier:
    return StackedClassifier(**QUICK).fit(flowers.drop(columns="species"), flowers["species"])


def test_a_classifier_comes_back_as_it_was(on_flowers, flowers, tmp_path: Path):
    rows = flowers.drop(columns="species")
    on_flowers.save(tmp_path / "flowers")
    again = StackedClassifier.load(tmp_path / "flowers")
    assert again.get_params() == on_flowers.get_params()
    assert (again.scores_, again.levels_) == (on_flowers.scores_, on_flowers.levels_)
    assert again.config() == on_flowers.config()
    assert again.classes_.tolist() == on_flowers.classes_.tolist()
    np.testing.assert_array_equal(again.predict_proba(rows), on_flowers.predict_proba(rows))
    np.testing.assert_array_equal(again.predict(rows), on_flowers.predict(rows))


def test_so_do_a_regressor_and_an_encoder(digits, tmp_path: Path):
    rows, classes = digits
    regressor = StackedRegressor(**QUICK, random_state=np.random.RandomState(3))
    regressor.fit(rows, classes * 1.5).save(tmp_path / "regressor")
    again = StackedRegressor.load(tmp_path / "regressor")
    np.testing.assert_array_equal(again.predict(rows), regressor.predict(rows))
    encoder = StackedEncoder(STACK).fit(rows)
    encoder.save(tmp_path / "encoder")
    loaded = StackedEncoder.load(str(tmp_path / "encoder"))
    np.testing.assert_array_equal(loaded.transform(rows), encoder.transform(rows))


def test_no_file_is_a_pickle(on_flowers, tmp_path: Path):
    on_flowers.save(tmp_path / "saved")
    names = {file.name for file in (tmp_path / "saved").iterdir()}
    assert names == {"estimator.json", "arrays.npz", "level_1.keras", "network.keras"}
    with np.load(tmp_path / "saved" / "arrays.npz", allow_pickle=False) as arrays:
        assert all(array.dtype != object for array in arrays.values())


def test_a_folder_that_is_there_is_left_alone(on_flowers, tmp_path: Path):
    with pytest.raises(InputError, match="there already"):
        on_flowers.save(tmp_path)


def test_another_class_an_empty_folder_and_damage_are_refused(on_flowers, tmp_path: Path):
    with pytest.raises(InputError, match="holds no estimator"):
        StackedClassifier.load(tmp_path)
    folder = tmp_path / "saved"
    on_flowers.save(folder)
    with pytest.raises(InputError, match="must hold a StackedRegressor"):
        StackedRegressor.load(folder)
    description = json.loads((folder / "estimator.json").read_text())
    description["attributes"]["_numbers"] = [0]
    (folder / "estimator.json").write_text(json.dumps(description))
    with pytest.raises(InputError, match="damaged"):
        StackedClassifier.load(folder)


def test_what_is_not_fitted_is_not_saved(tmp_path: Path):
    with pytest.raises(NotFittedError):
        StackedClassifier().save(tmp_path / "saved")


def test_the_saved_model_gives_what_the_estimator_gives(
    on_flowers, flowers, tmp_path: Path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    folder = on_flowers.export("exported")
    assert folder == tmp_path / "exported" / "1"
    assert [column.name for column in model_columns(folder)] == [
        column.name for column in on_flowers.model_.preprocessing.columns
    ]
    given = infer(folder, "serve", on_flowers._example_numbers, on_flowers._example_categories)
    frame = flowers.drop(columns="species")
    labels = on_flowers.predict(frame)
    assert set(given["label"]) <= set(labels)
    assert len(given) == 30
