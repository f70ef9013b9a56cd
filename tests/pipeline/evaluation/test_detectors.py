"""Models of scikit-learn's that find anomalies: benign tumours are normal."""

from typing import get_args

import numpy as np
import pytest

from pipeline.config.finetune import Detecting
from pipeline.config.task import AnomalyTask
from pipeline.evaluation.detectors import fit_detector
from pipeline.evaluation.reasons import because
from pipeline.tasks import task_of
from tests.pipeline.tumours import tumours

TASK = task_of(AnomalyTask())


@pytest.mark.parametrize("name", get_args(Detecting))
def test_each_finds_malignant_tumours_without_labels(name: str):
    rows = tumours()
    found = fit_detector(name, rows, TASK, TASK.metric("auroc"), seed=0)
    assert set(found.scores) == {"auroc", "average_precision"}
    assert found.scores["auroc"] > 0.8
    assert found.validation_score == 0.5  # there is no anomaly among those rows
    assert len(found.predicted.values) == len(rows.test.targets)


def test_the_greatest_shares_are_told_in_words():
    shares = np.array([[0.1, 0.7, 0.05, 0.15], [0.25, 0.25, 0.25, 0.25]])
    assert because(shares, ["age", "income", "zip", "height"])["because"].tolist() == [
        "income 70%, height 15%, age 10%",
        "age 25%, income 25%, zip 25%",
    ]
