"""Load of processor, memory and GPU while a stage works: MLflow's "System metrics"."""

from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor


@contextmanager
def system_metrics(uri: str, run_id: str) -> Iterator[None]:
    """While this lasts, log them with a run every ten seconds; a shorter one has none."""
    monitor = SystemMetricsMonitor(run_id, tracking_uri=uri)
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()
