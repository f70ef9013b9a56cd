"""A fit in its user's MLflow run: parameters, metrics and config; and nothing without one."""

from pathlib import Path

import mlflow
import pytest
import yaml
from mlflow.entities import Run
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from layerwise import AnomalyDetector, InputError, StackedClassifier, StackedEncoder
from pipeline.tracking.active_run import run_of_fit
from tests.pipeline.estimators.quick import FINETUNE, QUICK


@pytest.fixture
def store(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The user's store, which is not in `mlruns/`."""
    before = mlflow.get_tracking_uri()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    file = tmp_path / "mine.db"
    file.write_bytes(empty_store.read_bytes())
    mlflow.set_tracking_uri(f"sqlite:///{file}")
    mlflow.create_experiment("mine", artifact_location=str(tmp_path / "artifacts"))
    mlflow.set_experiment("mine")
    yield
    mlflow.set_tracking_uri(before)


@pytest.fixture
def some_digits(digits):
    rows, classes = digits
    return rows[:200], classes[:200]


def nested_in(run: Run) -> list[Run]:
    found = mlflow.search_runs(
        filter_string=f"tags.mlflow.parentRunId = '{run.info.run_id}'", output_format="list"
    )
    return list(found)


def steps(run: Run, metric: str) -> list[int]:
    return [m.step for m in mlflow.MlflowClient().get_metric_history(run.info.run_id, metric)]


def test_parameters_scores_curves_and_config_are_in_the_active_run(store, some_digits, tmp_path):
    model = StackedClassifier(**QUICK)
    with mlflow.start_run() as active:
        mlflow.log_param("rows", "digits")
        model.fit(*some_digits)
    run = mlflow.get_run(active.info.run_id)
    params = {"estimator": "StackedClassifier", "seed": "0", "task.kind": "classification",
              "stack.0.units": "16", "finetune.epochs": "1", "rows": "digits"}  # fmt: skip
    assert run.data.params.items() >= params.items()
    assert run.data.metrics.items() >= model.scores_.items()
    assert run.data.metrics["validation_score"] == model.validation_score_
    level = {f"level_1/{name}": value for name, value in model.levels_[0].items()}
    assert run.data.metrics.items() >= level.items()
    assert steps(run, "level_1/loss") == [1, 2, 3]
    assert steps(run, "finetune/validation_accuracy_rate_1") == [1]
    config = mlflow.artifacts.load_text(f"runs:/{active.info.run_id}/config.yaml")
    assert config == model.config()
    assert yaml.safe_load(config)["task"] == {"kind": "classification"}
    assert nested_in(active) == []
    assert not (tmp_path / "mlruns").exists()


def test_a_fit_that_would_change_parameters_of_the_run_has_a_nested_one(store, some_digits):
    with mlflow.start_run() as active:
        pipeline = make_pipeline(StackedEncoder([{"units": 8, "epochs": 2}]), LogisticRegression())
        pipeline.fit(*some_digits)
        AnomalyDetector(stack=[8], joint={"epochs": 1, "min_steps": 5}).fit(some_digits[0])
    (detector,) = nested_in(active)
    assert detector.info.status == "FINISHED"
    assert detector.data.params["estimator"] == detector.info.run_name == "AnomalyDetector"
    assert "joint/loss" in detector.data.metrics
    own = mlflow.get_run(active.info.run_id).data
    assert own.params["estimator"] == "StackedEncoder"
    assert own.metrics.keys() >= {"explained_variance", "level_1/loss"}


def test_what_a_search_fits_is_nested_in_its_run(store, some_digits):
    grid = {"stack": [[{"units": 8, "epochs": 1}], [{"units": 16, "epochs": 1}]]}
    with mlflow.start_run() as active:
        search = GridSearchCV(StackedClassifier(finetune=FINETUNE), grid, cv=2).fit(*some_digits)
        mlflow.log_params({"units": search.best_params_["stack"][0]["units"]})
    units = sorted(run.data.params["stack.0.units"] for run in nested_in(active))
    assert len(units) == 5 and set(units) == {"16", "8"}  # two folds each, and the best again
    assert mlflow.get_run(active.info.run_id).data.params.keys() == {"units"}


def test_a_fit_that_fails_fails_its_nested_run_alone(store, some_digits):
    rows, classes = some_digits
    model = StackedClassifier(**QUICK)
    with mlflow.start_run() as active:
        model.fit(rows, classes)
        with pytest.raises(InputError):
            model.set_params(finetune={**FINETUNE, "label_budgets": [10**6]}).fit(rows, classes)
    assert [run.info.status for run in nested_in(active)] == ["FAILED"]
    assert mlflow.get_run(active.info.run_id).info.status == "FINISHED"


def test_a_store_that_fails_at_the_end_loses_no_fit(store):
    with mlflow.start_run() as active:
        run_id = active.info.run_id
        with (
            pytest.warns(UserWarning, match="MLflow has not all metrics"),
            run_of_fit({"estimator": "any"}, "", nested=False) as run,
        ):
            run.metrics({"loss": 1.0}, 1)
            mlflow.delete_run(run_id)
        mlflow.MlflowClient().restore_run(run_id)


def test_without_an_active_run_nothing_is_logged(store, some_digits, tmp_path: Path):
    StackedEncoder([{"units": 8, "epochs": 1}]).fit(some_digits[0])
    assert mlflow.search_runs(output_format="list") == []
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mine.db"]
