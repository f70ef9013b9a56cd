"""Estimators among scikit-learn's tools: pipelines, searches, cross-validation, clones."""

import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from layerwise import StackedClassifier, StackedEncoder
from tests.pipeline.estimators.quick import FINETUNE, QUICK, STACK


@pytest.fixture(scope="module")
def some_digits(digits):
    rows, classes = digits
    return rows[:400], classes[:400]


def test_a_clone_is_not_fitted_and_has_the_same_parameters(some_digits):
    model = StackedClassifier(**QUICK).fit(*some_digits)
    again = clone(model)
    assert again.get_params() == model.get_params()
    assert not hasattr(again, "classes_")


def test_codes_go_into_another_model(some_digits):
    pipeline = make_pipeline(StackedEncoder([{"units": 32, "epochs": 20}]), LogisticRegression())
    assert pipeline.fit(*some_digits).score(*some_digits) > 0.9


def test_scaled_columns_go_in_by_name(flowers):
    rows = flowers[["sepal_length", "petal_length", "garden"]]
    scaled = make_column_transformer(
        (StandardScaler(), ["sepal_length", "petal_length"]),
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    pipeline = make_pipeline(scaled, StackedClassifier(**QUICK))
    pipeline.fit(rows, flowers["species"])
    columns = pipeline[-1].model_.preprocessing.columns
    assert {column.name: column.kind for column in columns}["garden"] == "category"
    assert pipeline.score(rows, flowers["species"]) > 0.6


def test_cross_validation_gives_a_score_for_each_part(some_digits):
    scores = cross_val_score(StackedClassifier(**QUICK), *some_digits, cv=3)
    assert scores.shape == (3,) and (scores > 0.6).all()


def test_a_search_finds_the_better_parameters(some_digits):
    grid = {"finetune": [{**FINETUNE, "learning_rate": 1e-9}, FINETUNE]}
    search = GridSearchCV(StackedClassifier(STACK), grid, cv=2, refit=False).fit(*some_digits)
    assert search.best_params_ == {"finetune": FINETUNE}
