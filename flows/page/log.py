"""The log on a run's page: what runs and tasks say, and the pipeline's warnings; no passwords."""

import logging
from typing import Any

from prefect.logging.handlers import APILogHandler

from pipeline.credentials import redact
from pipeline.errors import InputError

RUN_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")
"""Prefect's loggers of what is shown on the page."""


class _Formatter(logging.Formatter):
    """Without passwords in addresses, and without the traceback of what was refused."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return "" if isinstance(ei[1], InputError) else super().formatException(ei)


def prepare_logs() -> None:
    """Send to the page what belongs there, in each process that runs a part of a flow.

    Where Prefect is kept quiet (flows/environment.py) the terminal is not shown the page's log:
    it is told by the pipeline itself.
    """
    for name in RUN_LOGGERS:
        logger = logging.getLogger(name)
        if logger.getEffectiveLevel() > logging.INFO:
            logger.setLevel(logging.INFO)
            logger.propagate = False
        for handler in logger.handlers:
            handler.setFormatter(_Formatter())
    pipeline = logging.getLogger("pipeline")
    if not any(isinstance(handler, APILogHandler) for handler in pipeline.handlers):
        to_page = APILogHandler()
        to_page.setFormatter(_Formatter())
        pipeline.addHandler(to_page)
