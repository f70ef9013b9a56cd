"""Reference models: tuned on validation rows, scored on test rows, on the rows of the arms."""

from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from pipeline.config.data import DataConfig
from pipeline.config.finetune import FinetuneConfig, Supervised
from pipeline.config.level import LevelConfig
from pipeline.config.schema import RunConfig
from pipeline.config.task import (
    AutoTask,
    ClassificationTask,
    MultilabelTask,
    RegressionTask,
)
from pipeline.data.prepared import Prepared, prepare
from pipeline.data.trial_rows import Labelled, Parts, trial_rows
from pipeline.evaluation.references import fit_reference
from pipeline.seeds import derive
from pipeline.stages.plan import plan_of
from pipeline.tasks import task_of

REFERENCES = get_args(Supervised)
CLASSES = task_of(ClassificationTask())
LABELS = task_of(MultilabelTask())
NUMBER = task_of(RegressionTask())


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Prepared:
    return prepare(DataConfig(), AutoTask(), 0, tmp_path_factory.mktemp("prepared") / "data")


def config(**finetune) -> RunConfig:
    return RunConfig(stack=(LevelConfig(units=8),), finetune=FinetuneConfig(**finetune))


def rows_of(data: Prepared, labels: int) -> Parts:
    return trial_rows(data, labels, derive(0, "subset", 0), all_unlabelled=False)


@pytest.fixture(scope="module")
def parts(data) -> Parts:
    return rows_of(data, 100)


@pytest.mark.parametrize("reference", REFERENCES)
def test_each_learns_the_digits(reference, parts):
    fitted = fit_reference(reference, parts, CLASSES, seed=0)
    assert fitted.score > 0.8
    assert fitted.score == np.mean(fitted.predicted.values == parts.test.targets)


@pytest.mark.parametrize("reference", REFERENCES)
def test_each_learns_a_number(reference):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 5)).astype("float32")
    targets = (rows[:, 0] - rows[:, 1] * rows[:, 2]).astype("float32")
    made = [Labelled(rows[part], targets[part]) for part in np.split(np.arange(300), [200, 250])]
    parts = Parts(made[0], made[1], None, made[2], rows[:200])
    fitted = fit_reference(reference, parts, NUMBER, seed=0)
    # The straight line explains half of it; few trees and neighbours see a product.
    least = {"logistic": 0.2, "forest": 0.5, "neighbours": 0.5}
    assert fitted.score > least.get(reference, 0.6)


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_number_is_fitted_as_the_label_budget_has_it(reference):
    """Far from 0 and wide, with validation rows whose targets are none of the model's business."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 5)).astype("float32")
    near = rows[:, 0].astype("float64")
    far = 1.764e9 + 37 * near

    def fitted(targets: np.ndarray):
        made = [Labelled(rows[p], targets[p]) for p in np.split(np.arange(300), [200, 250])]
        return fit_reference(reference, Parts(made[0], made[1], None, made[2], rows[:200]),
                             NUMBER, seed=0)  # fmt: skip

    # Of splits of a tree that are equally good, rounding chooses.
    close = 1e-2 if reference == "forest" else 1e-4
    assert fitted(far).score == pytest.approx(fitted(near).score, abs=close)
    assert len(np.unique(fitted(far).predicted.values)) == 50


@pytest.mark.parametrize("reference", REFERENCES)
def test_each_learns_several_labels(reference, parts):
    def labels(labelled: Labelled) -> Labelled:
        digit = labelled.targets
        # Odd; with a closed loop; and one that no training row shows.
        columns = [digit % 2, np.isin(digit, (0, 6, 8, 9)), digit > 100]
        return Labelled(labelled.rows, np.stack(columns, axis=1).astype("float32"))

    given = parts._replace(
        train=labels(parts.train), validation=labels(parts.validation), test=labels(parts.test)
    )
    fitted = fit_reference(reference, given, LABELS, seed=0)
    assert fitted.predicted.values.shape == given.test.targets.shape
    assert fitted.score > 0.8


def test_settings_are_those_that_are_best_on_the_validation_rows(parts):
    fitted = fit_reference("logistic", parts, CLASSES, seed=0)
    tried = {c: LogisticRegression(C=c, max_iter=500).fit(*parts.train) for c in (0.01, 0.1, 1, 10)}
    best = max(tried, key=lambda c: tried[c].score(*parts.validation))
    assert fitted.settings == {"C": best}
    assert fitted.validation_score == tried[best].score(*parts.validation)
    assert fitted.score == tried[best].score(*parts.test)


def test_the_test_rows_decide_nothing(parts):
    scrambled = parts._replace(test=parts.test._replace(targets=parts.test.targets[::-1].copy()))
    one, two = (fit_reference("svm_rbf", p, CLASSES, seed=0) for p in (parts, scrambled))
    assert one.settings == two.settings
    np.testing.assert_array_equal(one.predicted.values, two.predicted.values)


def test_a_budget_that_takes_in_validation_rows_is_fitted_again_on_all(data):
    whole = rows_of(data, 1438)
    fitted = fit_reference("svm_rbf", whole, CLASSES, seed=0)
    again = SVC(**fitted.settings).fit(*whole.refit)
    np.testing.assert_array_equal(fitted.predicted.values, again.predict(whole.test.rows))


def test_principal_components_come_from_the_unlabelled_rows(parts):
    flat = np.zeros_like(parts.unlabelled)
    flat[:, 27] = parts.unlabelled[:, 27]
    fitted = fit_reference("pca_svm", parts._replace(unlabelled=flat), CLASSES, seed=0)
    assert fitted.score < 0.4  # all but one pixel is lost


def test_the_same_seed_fits_the_same_perceptron(parts):
    one, two, other = (
        fit_reference("mlp", parts, CLASSES, seed).predicted.values for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_references_are_trials_beside_the_arms(data):
    made = config(references=("mlp", "pca_svm"), label_budgets=(20,), seeds=1)
    arms = [trial.arm for trial in plan_of(made, data).trials]
    assert arms == ["pretrained", "random", "frozen", "mlp", "pca_svm"]


def test_kernel_machines_are_left_out_where_labels_are_many(data, monkeypatch):
    monkeypatch.setattr("pipeline.config.finetune.KERNEL_LABELS", 50)
    made = config(references=REFERENCES, label_budgets=(50, 51), seeds=1, arms=("random",))
    arms = [(trial.arm, trial.labels) for trial in plan_of(made, data).trials]
    assert arms == [(arm, 50) for arm in ("random", *REFERENCES)] + [
        (arm, 51) for arm in ("random", "logistic", "mlp", "boosting", "forest", "neighbours")
    ]


def test_a_table_is_compared_with_three_models_unless_told_otherwise(data):
    def references(table: bool, **finetune) -> set[str]:
        made = config(label_budgets=(20,), seeds=1, arms=("random",), **finetune)
        return {t.arm for t in plan_of(made, replace(data, table=table)).trials} - {"random"}

    assert references(table=True) == {"logistic", "boosting", "forest"}
    assert references(table=True, references=()) == set()
    assert references(table=False) == set()
    assert references(table=False, references=("mlp",)) == {"mlp"}
    assert references(table=True, references=("auto", "mlp", "forest")) == {
        *("logistic", "boosting", "forest", "mlp")
    }


def test_boosting_of_few_labels_splits_them():
    """With scikit-learn's 20 rows in a leaf 30 labels cannot be split at all."""
    rows = np.random.default_rng(0).normal(size=(230, 2)).astype("float32")
    targets = (rows[:, 0] > 0).astype("int32")
    made = [Labelled(rows[p], targets[p]) for p in np.split(np.arange(230), [30, 130])]
    fitted = fit_reference("boosting", Parts(made[0], made[1], None, made[2], rows), CLASSES, 0)
    assert fitted.score > 0.8


def test_there_are_no_more_neighbours_than_labels(parts):
    few = parts._replace(train=Labelled(parts.train.rows[:4], parts.train.targets[:4]))
    assert fit_reference("neighbours", few, CLASSES, seed=0).settings["n_neighbors"] <= 4


@pytest.mark.parametrize("reference", ["logistic", "boosting", "forest"])
def test_balanced_classes_make_a_rare_one_found_more_often(reference):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(900, 3)).astype("float32")
    targets = (rows[:, 0] + rng.normal(size=900) > 2).astype("int32")
    made = [Labelled(rows[p], targets[p]) for p in np.split(np.arange(900), [300, 600])]
    parts = Parts(made[0], made[1], None, made[2], rows)

    def found(weights: Literal["balanced"] | None) -> int:
        fitted = fit_reference(reference, parts, CLASSES, 0, None, weights)
        return int(fitted.predicted.values.sum())

    assert found("balanced") > found(None)


@pytest.mark.parametrize("reference", ["logistic", "svm_rbf", "pca_svm", "boosting", "forest"])
def test_a_row_that_weighs_more_than_all_others_is_learned(reference: str, parts: Parts):
    """Each row is there twice, with its class and with another, which nearly nothing weighs."""
    train = parts.train
    rows = np.concatenate([train.rows, train.rows])
    targets = np.concatenate([train.targets, (train.targets + 1) % 10])
    weights = np.repeat([1.0, 1e-3], len(train.rows))
    weighed = fit_reference(
        reference, parts._replace(train=Labelled(rows, targets, weights)), CLASSES, seed=0
    )
    turned = fit_reference(
        reference, parts._replace(train=Labelled(rows, targets, weights[::-1])), CLASSES, seed=0
    )
    assert weighed.score > 0.75
    assert turned.score < 0.2


def test_a_model_that_cannot_weigh_rows_is_fitted_without(parts: Parts):
    train = parts.train._replace(weights=np.arange(1.0, 101))
    weighed = fit_reference("neighbours", parts._replace(train=train), CLASSES, seed=0)
    plain = fit_reference("neighbours", parts, CLASSES, seed=0)
    np.testing.assert_array_equal(weighed.predicted.values, plain.predicted.values)


def test_test_rows_are_scored_by_their_weights(parts: Parts):
    right = fit_reference("logistic", parts, CLASSES, seed=0).predicted.values == parts.test.targets
    weights = np.where(right, 1.0, 9.0)
    test = parts.test._replace(weights=weights)
    fitted = fit_reference("logistic", parts._replace(test=test), CLASSES, seed=0)
    assert fitted.score == pytest.approx(right.sum() / weights.sum())
