"""Which rows are anomalies, and what their scores are judged by."""

import numpy as np
import pytest

from pipeline.config.task import AnomalyTask
from pipeline.errors import InputError
from pipeline.tasks.anomaly import Anomaly
from pipeline.tasks.labels import Labels
from pipeline.tasks.metric import Predicted


def target(*names: str, anomaly: str | None = None) -> list[int]:
    labels = Labels(np.array(names), np.array(names), (), "rows.csv")
    return Anomaly(AnomalyTask(anomaly=anomaly)).target(labels).tolist()


def test_the_rarer_of_two_labels_means_an_anomaly():
    assert target("0", "1", "0", "0") == [0, 1, 0, 0]
    assert target("1", "1", "0", "1") == [0, 0, 1, 0]


def test_minus_one_is_a_label_like_any_other():
    assert target("1", "1", "-1", "1") == [0, 0, 1, 0]
    assert target("-1", "-1", "1", "-1") == [0, 0, 1, 0]


def test_the_only_label_means_an_anomaly_where_other_rows_have_none():
    assert target("", "fraud", "", "") == [0, 1, 0, 0]


def test_the_config_may_name_it():
    assert target("a", "b", "c", "a", anomaly="c") == [0, 0, 1, 0]


@pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "c", "a"), ("a", "a")])
def test_what_cannot_be_told_is_refused_with_a_cure(names: tuple[str, ...]):
    with pytest.raises(InputError, match=r"task\.anomaly.*leave data\.label out"):
        target(*names)


def test_a_label_that_is_not_there_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="'frau'.*fraud"):
        target("fraud", "ok", "ok", anomaly="frau")


def test_scores_are_judged_by_how_they_part_anomalies():
    task = Anomaly(AnomalyTask())
    scores = np.array([[0.1, 1.0], [0.2, 3.0], [0.9, 9.0], [0.15, 9.0]])
    found = task.scores(np.array([0, 0, 1, 1]), Predicted(scores))
    assert found == {
        "auroc": 0.75,
        "average_precision": pytest.approx((1 + 2 / 3) / 2),
        "reconstruction_error": 2.0,
    }


def test_without_anomalies_arms_are_compared_by_how_they_reconstruct_normal_rows():
    task = Anomaly(AnomalyTask())
    rows = task.without_labels(10)
    assert task.choose_metric(rows).metric == "reconstruction_error"
    assert task.scores(rows, Predicted(np.ones((10, 2))))["auroc"] == 0.5


def test_anomalies_never_pretrain():
    assert Anomaly(AnomalyTask()).pretrains(np.array([0, 1, 0])).tolist() == [True, False, True]
