"""What the gate says of a model: by the interval, by the limits, and in which words."""

import pytest

from pipeline.config.gate import GateConfig
from pipeline.evaluation.common_rows import Difference
from pipeline.evaluation.judgement import Candidate, judge, margin_of, told

GOOD = Candidate(verdict="helps", latency_ms=2.0, size_mb=3.0)
BETTER = Difference(1000, 0.912, 0.908, 0.004, (-0.003, 0.011))
WORSE = Difference(1000, 0.86, 0.90, -0.04, (-0.055, -0.025))
UNKNOWN = Difference(60, 0.9, 0.9, 0.0, (-0.06, 0.06))


def of(compared, champion=3, candidate=GOOD, metric="accuracy", **gate):
    return judge(GateConfig(**gate), candidate, champion, metric, compared)


@pytest.mark.parametrize(
    ("interval", "says"),
    [
        ((-0.009, 0.02), "not worse"),
        ((0.02, 0.03), "not worse"),
        ((-0.03, -0.011), "worse"),
        ((-0.03, -0.009), "unknown"),
        ((-0.011, 0.05), "unknown"),
        (None, "unknown"),
    ],
)
def test_the_interval_lies_on_one_side_of_minus_the_margin_or_says_nothing(interval, says):
    assert told(interval, 0.01) == says


def test_a_first_model_has_nobody_to_be_worse_than():
    assert of(None, champion=None) == (True, ("There was no champion yet.",))


def test_a_model_that_is_not_worse_passes_and_the_reason_has_the_figures():
    passed, (reason,) = of(BETTER)
    assert passed
    assert reason == (
        "On 1,000 rows that were test rows for both, accuracy in % is 91.2, the champion's "
        "(version 3) 90.8: +0.4 points [-0.3, +1.1], so not worse by more than 1.0 points."
    )


def test_a_model_that_is_better_is_called_so():
    passed, (reason,) = of(Difference(1000, 0.95, 0.90, 0.05, (0.03, 0.07)))
    assert passed and reason.endswith("90.0: +5.0 points [+3.0, +7.0], so better.")


def test_a_model_that_is_worse_is_refused():
    passed, (reason,) = of(WORSE)
    assert not passed and "-4.0 points [-5.5, -2.5], so worse by more than 1.0 points" in reason


def test_a_wider_margin_lets_it_pass():
    assert of(WORSE, margin=0.06).passed


@pytest.mark.parametrize("compared", [UNKNOWN, Difference(0, 0, 0, 0, None), "its task differs."])
def test_where_the_rows_do_not_tell_the_config_decides(compared):
    refused, promoted = of(compared), of(compared, cannot_compare="promote")
    assert (refused.passed, promoted.passed) == (False, True)
    assert "gate.cannot_compare: refuse." in refused.reasons[0]
    assert "gate.cannot_compare: promote." in promoted.reasons[0]


def test_a_model_that_is_known_to_be_worse_is_refused_whatever_is_done_about_unknown_ones():
    assert not of(WORSE, cannot_compare="promote").passed


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ({"verdicts": ["no evidence"]}, "is helps; gate.verdicts allows no evidence"),
        ({"latency_ms": 1.5}, "One row takes 2.00 ms; gate.latency_ms allows 1.5"),
        ({"size_mb": 2}, "has 3.00 MB; gate.size_mb allows 2"),
    ],
)
def test_a_limit_holds_for_a_first_model_and_for_a_better_one(limit, words):
    for compared, champion in ((None, None), (BETTER, 3)):
        passed, (reason,) = of(compared, champion, **limit)
        assert not passed and words in reason


def test_all_that_speaks_against_a_model_is_said():
    assert len(of(WORSE, latency_ms=1, size_mb=1, verdicts=["hurts"]).reasons) == 4


def test_within_the_limits_it_passes():
    assert of(BETTER, latency_ms=2, size_mb=3, verdicts=["helps", "no evidence"]).passed


def test_the_margin_of_an_error_is_a_share_of_the_champion_s():
    compared = Difference(500, 210.0, 200.0, -10.0, (-12.0, -8.0))
    assert margin_of(GateConfig(), "rmse", compared) == 2.0
    assert not of(compared, metric="rmse").passed
    assert of(compared, metric="rmse", margin=0.1).passed
