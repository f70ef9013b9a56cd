"""Which model to use: the best, unless a cheaper one is shown to be as good."""

from typing import Any

import pytest

from pipeline.evaluation.recommendation import Cost, Recommendation, recommendation

COSTS = {
    "pretrained": Cost(30.0, 6.0), "random": Cost(0.0, 6.0), "frozen": Cost(30.0, 2.0),
    "logistic": Cost(0.0, 0.1), "boosting": Cost(0.0, 1.0),
}  # fmt: skip


def row(metric: str = "accuracy", correlation: float | None = None, **arms: list[float]) -> Any:
    return {
        "labels": 50,
        "arms": {arm: {metric: of_arm, "mean": sum(of_arm) / len(of_arm)}
                 for arm, of_arm in arms.items()},
        "correlation": correlation,
    }  # fmt: skip


def found(metric: str = "accuracy", **arms: Any) -> Recommendation:
    return recommendation(row(metric, **arms), metric, COSTS)


def test_the_best_mean_is_recommended():
    one = found(pretrained=[0.9, 0.92, 0.91], random=[0.8, 0.82, 0.83], frozen=[0.85, 0.86, 0.84])
    assert one.use.name == one.best.name == "pretrained"
    assert [other.name for other in one.others] == ["frozen", "random"]
    assert one.cheaper is None


def test_a_cheaper_model_that_is_shown_to_be_as_good_takes_its_place():
    one = found(pretrained=[0.9, 0.92, 0.91], frozen=[0.899, 0.917, 0.908], random=[0.8, 0.8, 0.81])
    assert (one.best.name, one.use.name) == ("pretrained", "frozen")
    low, high = one.use.behind.interval
    assert -0.01 < low < high < 0.01


def test_the_cheapest_of_several_that_are_as_good_is_taken():
    alike = {"frozen": [0.9, 0.92, 0.909], "logistic": [0.899, 0.919, 0.909]}
    assert found(pretrained=[0.9, 0.92, 0.91], **alike).use.name == "logistic"


def test_a_dearer_model_that_is_as_good_is_not():
    assert found(pretrained=[0.9, 0.92, 0.909], frozen=[0.9, 0.92, 0.91]).use.name == "frozen"


def test_what_chance_may_put_behind_the_best_is_named_and_not_recommended():
    """Its interval reaches beyond the margin: it may be as good, and may be much worse."""
    one = found(pretrained=[0.9, 0.92, 0.91], frozen=[0.92, 0.86, 0.9])
    assert one.use.name == "pretrained"
    assert one.cheaper.name == "frozen"


def test_one_seed_shows_nothing_as_good():
    one = found(pretrained=[0.9], frozen=[0.9 - 1e-6])
    assert one.use.name == "pretrained"
    assert one.cheaper.name == "frozen"


def test_seeds_that_are_all_alike_are():
    assert found(pretrained=[0.9, 0.8], frozen=[0.9, 0.8]).use.name == "frozen"
    assert found(pretrained=[0.9, 0.8], frozen=[0.87, 0.77]).use.name == "pretrained"


@pytest.mark.parametrize("metric", ["log_loss", "rmse"])
def test_of_an_error_less_is_better(metric):
    one = found(metric, pretrained=[0.3, 0.31], random=[0.5, 0.52])
    assert one.use.name == "pretrained"
    assert one.others[0].behind.mean < 0


@pytest.mark.parametrize(("behind", "used"), [(0.4, "random"), (1.5, "pretrained")])
def test_in_units_of_the_target_the_margin_is_a_share_of_the_error(behind, used):
    scores = [100.0, 102.0, 98.0]
    assert found("rmse", pretrained=scores, random=[s + behind for s in scores]).use.name == used


def test_an_arm_without_every_seed_is_left_out():
    one = found(pretrained=[0.9, 0.92], random=[0.99])
    assert one.use.name == "pretrained"
    assert one.others == ()


def test_splits_that_share_rows_widen_the_interval():
    arms = {"pretrained": [0.9, 0.92, 0.91], "frozen": [0.899, 0.915, 0.907]}
    assert recommendation(row(**arms), "accuracy", COSTS).use.name == "frozen"
    shared = recommendation(row(correlation=0.8, **arms), "accuracy", COSTS)
    assert shared.use.name == "pretrained"
