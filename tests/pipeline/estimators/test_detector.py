"""Outliers, by scikit-learn's signs: malignant tumours among benign ones."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score

from layerwise import AnomalyDetector, InputError
from pipeline.config.loading import load
from pipeline.stages.base import perform
from pipeline.tracking.models import NETWORK, stored_model
from tests.pipeline.whole_runs import begin

LEVELS = [{"units": 24, "epochs": 2}]
JOINT = {"epochs": 2, "min_steps": 40}


def detector(**settings) -> AnomalyDetector:
    return AnomalyDetector(**{"stack": LEVELS, "joint": JOINT, **settings})


@pytest.fixture(scope="module")
def tumours() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Benign ones and malignant ones."""
    rows, benign = load_breast_cancer(return_X_y=True, as_frame=True)
    return rows[benign == 1], rows[benign == 0]


@pytest.fixture(scope="module")
def fitted(tumours) -> AnomalyDetector:
    return detector(false_alarms=0.1).fit(tumours[0])


def test_malignant_tumours_are_less_normal(fitted: AnomalyDetector, tumours):
    benign, malignant = tumours
    scores = fitted.score_samples(pd.concat([benign, malignant]))
    assert roc_auc_score(np.repeat([1, 0], [len(benign), len(malignant)]), scores) > 0.9
    assert (fitted.predict(malignant) == -1).mean() > 0.5


def test_an_outlier_has_a_negative_decision_and_a_p_value_up_to_the_rate(fitted, tumours):
    for rows in tumours:
        outliers = fitted.predict(rows) == -1
        np.testing.assert_array_equal(outliers, fitted.decision_function(rows) < 0)
        np.testing.assert_array_equal(outliers, fitted.p_values(rows) <= 0.1)


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.25, 0.9])
def test_every_rate_agrees_with_the_p_values(fitted: AnomalyDetector, tumours, rate: float):
    other = detector(false_alarms=rate).fit(tumours[0])
    rows = pd.concat(tumours)
    np.testing.assert_array_equal(other.score_samples(rows), fitted.score_samples(rows))
    np.testing.assert_array_equal(other.predict(rows) == -1, other.p_values(rows) <= rate)


def test_a_rate_below_what_the_rows_held_out_can_tell_is_said(tumours):
    with pytest.warns(UserWarning, match=r"No row can be called an outlier.*least rate"):
        rare = detector(false_alarms=0.001).fit(tumours[0])
    assert (rare.predict(tumours[1]) == 1).all()
    decision, scores = (f(tumours[1]) for f in (rare.decision_function, rare.score_samples))
    np.testing.assert_array_equal(np.argsort(decision), np.argsort(scores))


def test_only_what_can_be_told_without_anomalies_is_a_score(fitted: AnomalyDetector):
    assert fitted.scores_.keys() == {"reconstruction_error"}


def test_a_line_tells_how_far_training_is_on_request(tumours, capfd):
    detector(verbose=1).fit(tumours[0])
    told = capfd.readouterr().err
    assert "pretrain level 1 of 1: 100%" in told and "train all levels together" in told


@pytest.mark.parametrize("rate", [0, 1, -0.1, "few"])
def test_a_rate_that_is_none_is_refused(tumours, rate):
    with pytest.raises(InputError, match=r"task\.false_alarms"):
        detector(false_alarms=rate).fit(tumours[0])


def test_it_is_saved_and_exported(fitted: AnomalyDetector, tumours, tmp_path: Path):
    fitted.save(tmp_path / "saved")
    again = AnomalyDetector.load(tmp_path / "saved")
    np.testing.assert_array_equal(again.score_samples(tumours[1]), fitted.score_samples(tumours[1]))
    assert again.offset_ == fitted.offset_
    folder = fitted.export(tmp_path / "exported")
    assert (folder / "saved_model.pb").exists()


def test_it_has_the_detector_that_a_run_trains(tumours, tmp_path: Path, uri):
    file = tmp_path / "benign.csv"
    tumours[0].to_csv(file, index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model = detector(random_state=3).fit(pd.read_csv(file))
    yaml = tmp_path / "run.yaml"
    yaml.write_text(model.config(str(file)))
    context, plan = begin(load(str(yaml)))
    level = perform(plan.level(0, 1, []), context)
    (trial,) = [trial for trial in plan.trials if (trial.arm, trial.seed) == ("pretrained", 0)]
    done = perform(plan.trial(trial, [[level]]), context)
    network = stored_model(context.tracker, done.run_id, NETWORK)
    for ours, theirs in zip(model.model_.network.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert model.scores_ == {name: done.metrics[name] for name in model.scores_}


def test_anomalies_that_hide_among_the_rows_vouch_less_for_others(tumours):
    benign, malignant = tumours
    hiding = pd.concat([benign, malignant[:20]])
    scores = {}
    for hidden in (0.0, "auto"):
        of_malignant = detector(hidden=hidden).fit(hiding).p_values(malignant[20:])
        scores[hidden] = (of_malignant <= 0.05).mean()
    assert scores["auto"] > scores[0.0] + 0.1
