"""StackedClassifier: a stranger's rows and labels, as they come."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from layerwise import InputError, StackedClassifier
from tests.pipeline.estimators.quick import FINETUNE, QUICK, STACK


@pytest.fixture(scope="module")
def on_digits(digits) -> StackedClassifier:
    return StackedClassifier(**QUICK).fit(*digits)


@pytest.fixture(scope="module")
def on_flowers(flowers) -> StackedClassifier:
    return StackedClassifier(**QUICK).fit(flowers.drop(columns="species"), flowers["species"])


def test_digits_are_told_apart(on_digits, digits):
    rows, classes = digits
    assert on_digits.score(rows, classes) > 0.9
    assert on_digits.scores_["accuracy"] > 0.85
    assert on_digits.predict(rows).dtype == classes.dtype


def test_probabilities_are_of_the_classes_in_order(on_digits, digits):
    rows, _ = digits
    probabilities = on_digits.predict_proba(rows)
    assert probabilities.shape == (len(rows), 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    best = on_digits.classes_[probabilities.argmax(axis=1)]
    np.testing.assert_array_equal(best, on_digits.predict(rows))


def test_a_row_gets_the_same_whatever_rows_are_beside_it(on_digits, digits):
    rows, _ = digits
    alone = np.concatenate([on_digits.predict_proba(rows[n : n + 1]) for n in range(5)])
    np.testing.assert_allclose(alone, on_digits.predict_proba(rows)[:5], rtol=1e-12)


def test_a_frame_may_have_categories_and_miss_values(on_flowers, flowers):
    rows = flowers.drop(columns="species")
    assert on_flowers.scores_["accuracy"] > 0.7
    assert on_flowers.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert set(on_flowers.predict(rows)) <= set(on_flowers.classes_)
    kinds = {column.name: column.kind for column in on_flowers.model_.preprocessing.columns}
    assert kinds["garden"] == "category" and kinds["sepal_width"] == "number"


def test_a_category_of_pandas_is_a_category(flowers):
    rows = flowers[["sepal_length", "petal_length"]].assign(year=flowers["year"].astype("category"))
    model = StackedClassifier(**QUICK).fit(rows, flowers["species"])
    assert model.model_.preprocessing.vocabularies == (("2001", "2002"),)
    assert "categorical:\n  - year" in model.config()


def test_columns_are_named_as_in_fit(on_flowers, flowers):
    rows = flowers.drop(columns="species")
    assert on_flowers.feature_names_in_.tolist() == rows.columns.tolist()
    with pytest.raises(ValueError, match="feature names"):
        on_flowers.predict(rows[rows.columns[::-1]])


def test_an_array_is_taken_for_the_frame_s_columns_by_position(on_flowers, flowers):
    rows = flowers.drop(columns="species")
    with pytest.warns(UserWarning, match="valid feature names"):
        given = on_flowers.predict(rows.to_numpy())
    np.testing.assert_array_equal(given, on_flowers.predict(rows))


@pytest.mark.parametrize("none", [np.nan, None])
def test_rows_whose_label_is_missing_pretrain_only(digits, none):
    rows, classes = digits
    labels = np.array([str(name) for name in classes], object)
    labels[300:] = none
    model = StackedClassifier(**QUICK).fit(rows, labels)
    assert model.classes_.tolist() == [str(n) for n in range(10)]
    assert model.score(rows[:300], labels[:300].astype(str)) > 0.6


def test_rows_given_apart_are_as_rows_whose_label_is_missing(digits):
    rows, classes = digits
    labels = classes.astype(float)
    labels[300:] = np.nan
    together = StackedClassifier(**QUICK).fit(rows, labels)
    apart = StackedClassifier(**QUICK).fit(rows[:300], labels[:300], unlabelled=rows[300:])
    np.testing.assert_array_equal(together.predict_proba(rows), apart.predict_proba(rows))


def test_frames_may_be_given_apart_too(flowers):
    rows, labels = flowers.drop(columns="species"), flowers["species"]
    given = slice(None, None, 2)
    model = StackedClassifier(**QUICK).fit(rows[given], labels[given], unlabelled=rows[1::2])
    assert model.score(rows, labels) > 0.6


def test_minus_one_is_a_class_like_any_other(digits):
    rows, classes = digits
    two = classes < 2
    labels = np.where(classes[two] == 0, -1, 1)
    model = StackedClassifier(**QUICK).fit(rows[two], labels)
    assert model.classes_.tolist() == [-1, 1]
    assert model.score(rows[two], labels) > 0.95


def test_classes_are_sorted_as_scikit_learn_sorts_them(digits):
    rows, classes = digits
    chosen = classes < 3
    labels = np.array(["9", "10", "b"])[classes[chosen]]
    model = StackedClassifier(**QUICK).fit(rows[chosen], labels)
    assert model.classes_.tolist() == ["10", "9", "b"]
    assert model.score(rows[chosen], labels) > 0.95


@pytest.mark.parametrize("dtype", ["category", "string", "Int64", bool])
def test_labels_may_be_of_any_type_of_pandas(digits, dtype):
    rows, classes = digits
    two = classes < 2
    labels = pd.Series(classes[two]).astype(dtype)
    model = StackedClassifier(**QUICK).fit(rows[two], labels)
    assert (model.predict(rows[two]) == labels.to_numpy()).mean() > 0.95


def test_a_row_that_weighs_nothing_has_no_label(digits):
    rows, classes = digits
    labels, weights = classes.astype(float), np.ones(len(rows))
    labels[500:], weights[500:] = np.nan, 0
    without = StackedClassifier(**QUICK).fit(rows, labels, sample_weight=(weights > 0) + 0.0)
    weighed = StackedClassifier(**QUICK).fit(rows, classes, sample_weight=weights)
    np.testing.assert_array_equal(without.predict_proba(rows), weighed.predict_proba(rows))


def test_two_classes_have_one_decision(digits):
    rows, classes = digits
    two = classes < 2
    model = StackedClassifier(**QUICK).fit(rows[two], classes[two])
    decision = model.decision_function(rows[two])
    assert decision.ndim == 1
    np.testing.assert_array_equal(model.predict(rows[two]), (decision > 0).astype(int))


def test_a_threshold_that_was_tuned_is_where_the_decision_is_zero(digits):
    rows, classes = digits
    chosen = np.flatnonzero((classes == 8) | (classes == 3))
    rare = chosen[np.cumsum(classes[chosen] == 8) <= 25]
    rare = np.concatenate([rare, chosen[classes[chosen] == 3]])
    model = StackedClassifier(stack=STACK, finetune={**FINETUNE, "metric": "balanced_accuracy"})
    model.fit(rows[rare], classes[rare])
    threshold = (model.model_.decision.thresholds or (0.5,))[0]
    of_second = model.predict_proba(rows)[:, 1]
    np.testing.assert_array_equal(model.predict(rows) == 8, of_second >= threshold)


def test_another_seed_gives_another_network_and_the_same_the_same(on_digits, digits):
    rows, classes = digits
    same = StackedClassifier(**QUICK).fit(rows, classes)
    other = StackedClassifier(**QUICK, random_state=1).fit(rows, classes)
    np.testing.assert_array_equal(same.predict_proba(rows), on_digits.predict_proba(rows))
    assert not np.array_equal(other.predict_proba(rows), on_digits.predict_proba(rows))


def test_a_line_tells_how_far_training_is_on_request(digits, capfd):
    rows, classes = digits
    StackedClassifier(**QUICK, verbose=1).fit(rows[:200], classes[:200])
    told = capfd.readouterr().err
    assert "pretrain level 1 of 1: 100%" in told and "fine-tune on" in told
    StackedClassifier(**QUICK).fit(rows[:200], classes[:200])
    assert capfd.readouterr().err == ""


def test_everything_wrong_in_the_parameters_is_said_at_once(digits):
    wrong = StackedClassifier(stack=[{"unit": 3}], finetune={"epoch": 1}, data={"test": 2.0})
    with pytest.raises(InputError, match=r"3 problems|4 problems"):
        wrong.fit(*digits)


@pytest.mark.parametrize("stack", [64, "64", [[64]]])
def test_what_is_no_list_of_levels_is_refused(digits, stack):
    with pytest.raises(InputError, match="stack"):
        StackedClassifier(stack=stack).fit(*digits)


def test_mixed_labels_are_refused(digits):
    with pytest.raises(InputError, match="all text or all numbers"):
        StackedClassifier(**QUICK).fit(digits[0][:4], np.array(["a", 1, "b", 2], object))


def test_infinite_values_are_refused(on_digits, digits):
    rows = digits[0][:5].copy()
    rows[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        on_digits.predict(rows)


def test_what_is_not_fitted_cannot_predict(digits):
    with pytest.raises(NotFittedError):
        StackedClassifier().predict(digits[0])
