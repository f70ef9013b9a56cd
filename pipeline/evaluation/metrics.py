"""What scores are called where people read them."""

from pipeline.tasks import metrics

METRICS = metrics()
"""Every metric that arms are compared by, by its name."""
WORDS = {name: metric.words for name, metric in METRICS.items()}
NAMES = {name: metric.heading for name, metric in METRICS.items()}
PERCENT = tuple(name for name, metric in METRICS.items() if metric.percent)
"""Metrics that people read in per cent."""
