"""A task that needs no target: a config names none, unless it is told to."""

import pytest

from pipeline.config.loading import check, load
from pipeline.config.task import AnomalyTask, DenoiseTask
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


def test_models_that_learn_from_known_anomalies_need_some():
    def config(**task) -> dict:
        return {"task": {"kind": "anomaly", **task}, "finetune": {"references": ["forest"]}}

    check(config(labelled_anomalies=[5]))
    with pytest.raises(InputError, match="where task.kind is anomaly. Given: forest"):
        check(config())


def test_denoising_has_arms_of_its_own_unless_some_are_named():
    usual = ("pretrained", "random", "one_level")
    assert load(None, "digits", task="denoise").finetune.arms == usual
    assert (
        load(None, "digits", settings=["finetune.seeds=2"], task="denoise").finetune.arms == usual
    )
    named = load(None, "digits", settings=["finetune.arms=[random]"], task="denoise")
    assert named.finetune.arms == ("random",)


def test_what_changes_no_weight_is_no_part_of_what_training_reads():
    one, other = AnomalyTask(false_alarms=0.1), AnomalyTask(false_alarms=0.2)
    assert one.of_training == other.of_training
    assert AnomalyTask(anomaly="b").of_training != one.of_training
    assert DenoiseTask().of_training == DenoiseTask()
