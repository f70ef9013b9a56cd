"""Scores in the units that people read them in."""

from pipeline.evaluation.metrics import DECIBELS, PERCENT, UNITS_OF_THE_TARGET, WORDS


def scale(metric: str) -> float:
    """What scores are multiplied with where people read them."""
    return 100.0 if metric in PERCENT else 1.0


def score_text(value: float, metric: str, sign: str = "") -> str:
    """A score as people read it: in per cent with one digit, or R squared with three.

    An error in units of the target, which may be of any size, has four digits in all.
    """
    if metric in UNITS_OF_THE_TARGET:
        return f"{value:{sign}z.4g}"
    return f"{scale(metric) * value:{sign}z.{1 if metric in PERCENT else 3}f}"


def gain_unit(metric: str, gain: float | None = None) -> str:
    """What a difference of scores is counted in where people read it, after its number if given."""
    if metric in PERCENT:
        return "point" if gain == 1 else "points"
    return WORDS[metric]


def after_score(metric: str) -> str:
    """What stands behind a score in a sentence: per cent, decibels, or nothing."""
    return " %" if metric in PERCENT else " dB" if metric in DECIBELS else ""


def after_gain(metric: str) -> str:
    """The same of a difference of scores."""
    return " points" if metric in PERCENT else after_score(metric)
