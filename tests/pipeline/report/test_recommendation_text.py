"""The recommendation in words: what to use, beside what, at what cost."""

import pytest

from pipeline.evaluation.recommendation import Cost, Recommendation
from pipeline.report.facts import Exported
from pipeline.report.recommendation import (
    RunCosts,
    cost_table,
    exported_sentence,
    pretraining_sentence,
    recommendation_sentences,
    recommendations,
    rule_sentence,
    seconds_text,
)

COSTS = {"pretrained": Cost(30.0, 6.0), "random": Cost(0.0, 6.0), "frozen": Cost(30.0, 2.0),
         "boosting": Cost(0.0, 1.0)}  # fmt: skip


def found(metric: str, labels: int, arms: dict[str, list[float]]) -> list[Recommendation]:
    row = {
        "labels": labels,
        "arms": {arm: {metric: of_arm, "mean": sum(of_arm) / len(of_arm)}
                 for arm, of_arm in arms.items()},
        "correlation": None,
    }  # fmt: skip
    summary = {"metric": metric, "comparison": [row]}
    return recommendations(summary, {labels: COSTS})


def said(metric: str = "accuracy", labels: int = 50, **arms: list[float]) -> str:
    (sentence,) = recommendation_sentences(found(metric, labels, arms), metric)
    return sentence


def test_the_best_is_named_with_score_and_cost_beside_the_next():
    assert said(pretrained=[0.9, 0.92, 0.91], random=[0.8, 0.82, 0.84]) == (
        "At 50 labels use pretrained (91.0 %, 36 s). Next is random (82.0 %, 6.0 s): -9.0 points "
        "[-13.3, -4.7]."
    )


def test_a_cheaper_one_that_is_as_good_is_named_with_the_reason():
    assert said(pretrained=[0.9, 0.92, 0.91], frozen=[0.899, 0.917, 0.908]) == (
        "At 50 labels use frozen (90.8 %, 32 s). It costs less and is as good as pretrained "
        "(91.0 %, 36 s): -0.2 points [-0.4, +0.0]."
    )


def test_what_may_be_chance_is_called_so():
    sentence = said(pretrained=[0.9, 0.92, 0.91], frozen=[0.92, 0.86, 0.9], labels=1)
    assert sentence.startswith("At 1 label use pretrained (91.0 %, 36 s). Next is frozen (89.3 %")
    assert sentence.endswith("], which may be chance; it costs less.")


def test_one_seed_has_no_interval():
    assert said(pretrained=[0.9], frozen=[0.89]) == (
        "At 50 labels use pretrained (90.0 %, 36 s). Next is frozen (89.0 %, 32 s): -1.0 points, "
        "which may be chance; it costs less."
    )


def test_an_arm_alone_is_compared_with_nothing():
    assert said(pretrained=[0.9]).endswith("Nothing else ran there.")


def test_scores_of_a_number_have_no_per_cent():
    assert said("r2", pretrained=[0.5, 0.51], random=[0.3, 0.32]).startswith(
        "At 50 labels use pretrained (0.505, 36 s). Next is random (0.310, 6.0 s): -0.195 ["
    )


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ({"pretrained": [0.9, 0.8], "random": [0.1, 0.2]},
         "That network of pretrained at 50 labels is exported, as version 3 of irises."),
        ({"pretrained": [0.1, 0.2], "random": [0.9, 0.8]},
         "Exported, as version 3 of irises, is the network of pretrained at 50 labels, which the "
         "validation rows or export.arm chose. To have that of random, set export.arm to random."),
        ({"pretrained": [0.1, 0.2], "boosting": [0.9, 0.8]},
         "Exported, as version 3 of irises, is the network of pretrained at 50 labels, which the "
         "validation rows or export.arm chose. boosting is a reference model, which is not "
         "exported."),
    ],
)  # fmt: skip
def test_it_is_said_whether_the_recommended_model_is_exported(scores, said):
    exported = Exported("pretrained", 50, 1, 0.9, 0.8, "irises", 3, "It was promoted.")
    assert exported_sentence(found("accuracy", 50, scores), exported) == said


@pytest.mark.parametrize(
    ("metric", "margin"),
    [("accuracy", "more than 1 point behind"), ("r2", "more than 0.01 behind"),
     ("rmse", "more than 1 % of its score behind")],
)  # fmt: skip
def test_the_rule_is_said_with_its_margin(metric, margin):
    assert margin in rule_sentence(metric)


def test_the_cost_of_pretraining_is_a_share_of_all():
    costs = RunCosts({50: COSTS}, 5, 150.0, 50.0)
    assert pretraining_sentence(costs) == (
        "Pretraining 5 stacks took 2 min, 75 % of the 3 min that pretraining and all trials took "
        "together."
    )
    summary = {"comparison": [{"labels": 20}, {"labels": 50}]}
    table = cost_table(summary, costs.models)
    assert table.title == "Seconds for one model at 50 labels"
    assert table.rows[:2] == [("pretrained", "30.0", "6.0", "36.0"), ("random", "-", "6.0", "6.0")]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (99.4, "99 s"), (99.6, "2 min"),
     (5969, "99 min"), (5971, "1.7 h")],
)  # fmt: skip
def test_seconds_are_read_at_a_glance(seconds, text):
    assert seconds_text(seconds) == text
