"""`compare`: the paired comparison of a run, as a DataFrame."""

import numpy as np
import pytest

from layerwise import StackedClassifier
from pipeline.evaluation.compare import compare
from tests.pipeline.estimators.quick import FINETUNE, STACK


@pytest.fixture(scope="module")
def comparing() -> StackedClassifier:
    arms = {"arms": ["pretrained", "random"], "references": ["logistic"]}
    budgets = {"label_budgets": [40, "all"], "seeds": 2}
    return StackedClassifier(stack=STACK, finetune={**FINETUNE, **arms, **budgets})


@pytest.fixture(scope="module")
def compared(comparing, digits):
    return comparing.compare(*digits)


def test_each_budget_has_a_row_for_each_arm_and_model(compared):
    assert compared[["labels", "against"]].values.tolist() == [
        [40, "random"], [40, "logistic"], [1222, "random"], [1222, "logistic"],
    ]  # fmt: skip
    assert compared.attrs["metric"] == "accuracy"


def test_the_gain_is_the_mean_difference_within_its_interval(compared):
    difference = compared["pretrained"] - compared["other"]
    np.testing.assert_allclose(compared["gain"], difference, atol=1e-12)
    there = compared["low"].notna()
    assert (compared["low"] <= compared["gain"])[there].all()
    assert (compared["gain"] <= compared["high"])[there].all()


def test_the_verdict_is_on_random_weights(compared):
    random = compared["against"] == "random"
    assert set(compared["verdict"][random]) <= {"helps", "hurts", "no evidence"}
    assert compared["verdict"][~random].isna().all()


def test_the_pretrained_arm_with_seed_0_is_what_is_fitted(comparing, digits, monkeypatch):
    seen = []

    def watched(scores, **given):
        seen.extend(scores)
        return compare(scores, **given)

    monkeypatch.setattr("pipeline.estimators.comparison.compare", watched)
    comparing.compare(*digits)
    (score,) = [
        score.score for score in seen
        if (score.arm, score.labels, score.seed) == ("pretrained", 1222, 0)
    ]  # fmt: skip
    assert comparing.fit(*digits).scores_["accuracy"] == score


def test_splits_drawn_anew_for_each_seed(flowers):
    finetune = {**FINETUNE, "label_budgets": ["all"], "seeds": 2, "references": []}
    model = StackedClassifier(stack=STACK, finetune=finetune, data={"resplit": True})
    compared = model.compare(flowers.drop(columns="species"), flowers["species"])
    assert compared["against"].tolist() == ["random", "frozen"]
    assert not hasattr(model, "model_")
