"""A task that needs no target: a config names none, unless it is told to."""

import pytest

from pipeline.config.loading import check, load
from pipeline.errors import InputError


def test_where_anomalies_are_to_be_found_no_column_is_the_target():
    assert load(None, data="rows.csv", task="anomaly").data.label == ()


def test_a_target_that_is_named_stays():
    assert load(None, data="rows.csv", task="anomaly", label="fraud").data.label == "fraud"


def test_other_tasks_are_left_to_name_theirs():
    assert load(None, data="rows.csv").data.label is None


def test_detectors_are_references_of_anomalies_alone():
    def config(kind: str, reference: str) -> dict:
        return {"task": {"kind": kind}, "finetune": {"references": [reference]}}

    check(config("anomaly", "isolation_forest"))
    with pytest.raises(InputError, match="finetune.references must be of auto, logistic, .* Given"):
        check(config("auto", "isolation_forest"))
    with pytest.raises(InputError, match="where task.kind is anomaly. Given: logistic"):
        check(config("anomaly", "logistic"))
