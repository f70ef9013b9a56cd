"""Scores as people read them."""

import pytest

from pipeline.evaluation.units import after_gain, after_score, gain_unit, scale, score_text


@pytest.mark.parametrize(
    ("metric", "text", "gain", "unit"),
    [("accuracy", "91.3", "+1.3", "points"), ("r2", "0.913", "+0.013", "R squared")],
)
def test_accuracy_is_read_in_per_cent_and_r_squared_as_it_is(metric, text, gain, unit):
    assert score_text(0.9126, metric) == text
    assert score_text(0.0126, metric, "+") == gain
    assert gain_unit(metric) == gain_unit(metric, 2) == unit
    assert gain_unit(metric, 1) == unit.replace("points", "point")
    assert scale(metric) * 0.5 == {"accuracy": 50, "r2": 0.5}[metric]


@pytest.mark.parametrize(("metric", "text"), [("accuracy", "+0.0"), ("r2", "+0.000")])
def test_a_loss_that_rounds_to_nothing_has_no_minus(metric, text):
    assert score_text(-0.00001, metric, "+") == text


@pytest.mark.parametrize(
    ("metric", "score", "gain"),
    [("accuracy", " %", " points"), ("psnr", " dB", " dB"), ("r2", "", ""), ("ssim", "", "")],
)
def test_decibels_and_per_cent_are_said_in_sentences(metric, score, gain):
    assert (after_score(metric), after_gain(metric)) == (score, gain)
