"""Reference models: tuned on validation rows, scored on test rows, on the rows of the arms."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from pipeline.config.data import DataConfig
from pipeline.config.finetune import FinetuneConfig
from pipeline.config.level import LevelConfig
from pipeline.config.schema import RunConfig
from pipeline.data.prepared import Prepared, prepare
from pipeline.data.trial_rows import Labelled, Parts
from pipeline.evaluation.references import fit_reference
from pipeline.stages.trials import TrialSpec, parts_of, trials_of

REFERENCES = ("logistic", "svm_rbf", "pca_svm", "mlp")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Prepared:
    return prepare(DataConfig(), 0, tmp_path_factory.mktemp("prepared") / "data")


def config(**finetune) -> RunConfig:
    return RunConfig(stack=(LevelConfig(units=8),), finetune=FinetuneConfig(**finetune))


@pytest.fixture(scope="module")
def parts(data) -> Parts:
    return parts_of(config(), data, TrialSpec("logistic", 100, 0))


@pytest.mark.parametrize("reference", REFERENCES)
def test_each_learns_the_digits(reference, parts):
    fitted = fit_reference(reference, parts, "classification", seed=0)
    assert fitted.score > 0.8
    assert fitted.score == np.mean(fitted.predictions == parts.test.targets)


@pytest.mark.parametrize("reference", REFERENCES)
def test_each_learns_a_number(reference):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 5)).astype("float32")
    targets = (rows[:, 0] - rows[:, 1] * rows[:, 2]).astype("float32")
    targets /= targets.std()
    made = [Labelled(rows[part], targets[part]) for part in np.split(np.arange(300), [200, 250])]
    parts = Parts(made[0], made[1], None, made[2], rows[:200])
    fitted = fit_reference(reference, parts, "regression", seed=0)
    # The straight line explains half of it.
    assert fitted.score > (0.2 if reference == "logistic" else 0.6)


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
    fitted = fit_reference(reference, given, "multilabel", seed=0)
    assert fitted.predictions.shape == given.test.targets.shape
    assert fitted.score > 0.8


def test_settings_are_those_that_are_best_on_the_validation_rows(parts):
    fitted = fit_reference("logistic", parts, "classification", seed=0)
    tried = {c: LogisticRegression(C=c, max_iter=500).fit(*parts.train) for c in (0.01, 0.1, 1, 10)}
    best = max(tried, key=lambda c: tried[c].score(*parts.validation))
    assert fitted.settings == {"C": best}
    assert fitted.validation_score == tried[best].score(*parts.validation)
    assert fitted.score == tried[best].score(*parts.test)


def test_the_test_rows_decide_nothing(parts):
    scrambled = parts._replace(test=parts.test._replace(targets=parts.test.targets[::-1].copy()))
    one, two = (fit_reference("svm_rbf", p, "classification", seed=0) for p in (parts, scrambled))
    assert one.settings == two.settings
    np.testing.assert_array_equal(one.predictions, two.predictions)


def test_a_budget_that_takes_in_validation_rows_is_fitted_again_on_all(data):
    whole = parts_of(config(), data, TrialSpec("svm_rbf", 1438, 0))
    fitted = fit_reference("svm_rbf", whole, "classification", seed=0)
    again = SVC(**fitted.settings).fit(*whole.refit)
    np.testing.assert_array_equal(fitted.predictions, again.predict(whole.test.rows))


def test_principal_components_come_from_the_unlabelled_rows(parts):
    flat = np.zeros_like(parts.unlabelled)
    flat[:, 27] = parts.unlabelled[:, 27]
    fitted = fit_reference("pca_svm", parts._replace(unlabelled=flat), "classification", seed=0)
    assert fitted.score < 0.4  # all but one pixel is lost


def test_the_same_seed_fits_the_same_perceptron(parts):
    one, two, other = (
        fit_reference("mlp", parts, "classification", seed).predictions for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_references_are_trials_beside_the_arms(data):
    trials = trials_of(config(references=("mlp", "pca_svm"), label_budgets=(20,), seeds=1), data)
    arms = [trial.arm for trial in trials]
    assert arms == ["pretrained", "random", "frozen", "mlp", "pca_svm"]


def test_kernel_machines_sit_out_where_labels_are_many(data, monkeypatch):
    monkeypatch.setattr("pipeline.stages.trials.KERNEL_LABELS", 50)
    made = config(references=REFERENCES, label_budgets=(50, 51), seeds=1, arms=("random",))
    arms = [(trial.arm, trial.labels) for trial in trials_of(made, data)]
    assert arms == [(arm, 50) for arm in ("random", *REFERENCES)] + [
        (arm, 51) for arm in ("random", "logistic", "mlp")
    ]
