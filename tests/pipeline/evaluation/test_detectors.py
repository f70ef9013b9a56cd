"""Models of scikit-learn's that find anomalies: benign tumours are normal."""

from typing import get_args

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from pipeline.config.finetune import Detecting
from pipeline.config.task import AnomalyTask
from pipeline.data.detection_rows import DetectionRows
from pipeline.data.trial_rows import Labelled
from pipeline.evaluation.detectors import fit_detector
from pipeline.evaluation.reasons import because
from pipeline.tasks import task_of

TASK = task_of(AnomalyTask())


@pytest.fixture(scope="module")
def tumours() -> DetectionRows:
    rows, benign = load_breast_cancer(return_X_y=True)
    normal = rows[benign == 1]
    scaled = ((rows - normal.mean(axis=0)) / normal.std(axis=0)).astype("float32")
    normal, malignant = scaled[benign == 1], scaled[benign == 0]
    labels = np.repeat([0, 1], [len(normal) - 250, len(malignant)])
    return DetectionRows(
        normal=normal[:200],
        references=normal[:200],
        held_out=normal[200:250],
        validation=Labelled(normal[200:250], np.zeros(50, int)),
        test=Labelled(np.concatenate([normal[250:], malignant]), labels),
    )


@pytest.mark.parametrize("name", get_args(Detecting))
def test_each_finds_malignant_tumours_without_labels(name: str, tumours: DetectionRows):
    found = fit_detector(name, tumours, TASK, TASK.metric("auroc"), seed=0)
    assert found.scores["auroc"] > 0.8
    assert found.validation_score == 0.5  # there is no anomaly among those rows
    assert len(found.predicted.values) == len(tumours.test.targets)


def test_the_greatest_shares_are_told_in_words():
    shares = np.array([[0.1, 0.7, 0.05, 0.15], [0.25, 0.25, 0.25, 0.25]])
    assert because(shares, ["age", "income", "zip", "height"])["because"].tolist() == [
        "income 70%, height 15%, age 10%",
        "age 25%, income 25%, zip 25%",
    ]
