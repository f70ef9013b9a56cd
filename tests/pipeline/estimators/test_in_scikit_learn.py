"""Estimators among scikit-learn's tools: pipelines, searches, cross-validation, clones."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from layerwise import AnomalyDetector, StackedClassifier, StackedEncoder
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


@pytest.fixture(scope="module")
def setosa_or_not(flowers):
    """Flowers as they come, with categories and missing values; 1 for setosa and -1 for others."""
    return flowers.drop(columns="species"), np.where(flowers["species"] == "setosa", 1, -1)


def test_a_detector_is_searched_by_how_it_tells_outliers(setosa_or_not):
    rows, kinds = setosa_or_not
    order = np.argsort(kinds, kind="stable")[::-1]
    rows, kinds = rows.iloc[order], kinds[order]
    usual, tested = np.arange(40), np.arange(40, 150)  # it learns from normal rows
    detector = AnomalyDetector(false_alarms=0.25, joint={"epochs": 1, "min_steps": 20})
    grid = {"stack": [[{"units": 8, "epochs": 1}], [{"units": 16, "epochs": 2}]]}
    search = GridSearchCV(detector, grid, scoring="roc_auc", cv=[(usual, tested)])
    search.fit(rows, kinds)
    assert search.best_score_ > 0.8
    assert search.best_params_ in [{"stack": stack} for stack in grid["stack"]]


def test_a_detector_in_a_pipeline_is_cross_validated(setosa_or_not):
    rows, kinds = setosa_or_not
    scaled = make_column_transformer(
        (StandardScaler(), ["sepal_length", "petal_length"]),
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    detector = AnomalyDetector(
        0.25, stack=[{"units": 8, "epochs": 1}], joint={"epochs": 1, "min_steps": 20}
    )
    scores = cross_val_score(
        make_pipeline(scaled, detector), rows, kinds, cv=StratifiedKFold(2), scoring="roc_auc"
    )
    assert np.isfinite(scores).all()


def test_codes_of_categories_go_into_another_model_by_name(flowers):
    encoder = StackedEncoder([{"units": 16, "epochs": 100}]).set_output(transform="pandas")
    pipeline = make_pipeline(encoder, LogisticRegression(max_iter=1000))
    scores = cross_val_score(pipeline, flowers.drop(columns="species"), flowers["species"], cv=2)
    assert (scores > 0.6).all()
