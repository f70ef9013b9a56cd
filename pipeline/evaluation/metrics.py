"""What scores are called where people read them."""

from pipeline.tasks import metrics

METRICS = metrics()
"""Every metric that models are scored by, by its name."""
WORDS = {name: metric.words for name, metric in METRICS.items()}
NAMES = {name: metric.heading for name, metric in METRICS.items()}
PERCENT = tuple(name for name, metric in METRICS.items() if metric.percent)
"""Metrics that people read in per cent."""
DECIBELS = ("snr", "psnr")
UNITS_OF_THE_TARGET = ("mae", "rmse")
"""Metrics whose size depends on the target."""


def merit(metric: str, score: float) -> float:
    """A score turned so that greater is better."""
    return METRICS[metric].merit(score)
