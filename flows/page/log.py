"""The log on a run's page: what runs and tasks say, and the pipeline's warnings; no passwords."""

import logging

from prefect.logging.handlers import APILogHandler

from pipeline.credentials import redact

RUN_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")
"""Prefect's loggers of what is shown on the page."""


class _Redacting(logging.Formatter):
    """What is logged without the passwords in its addresses; of a traceback too."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


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
            handler.setFormatter(_Redacting())
    pipeline = logging.getLogger("pipeline")
    if not any(isinstance(handler, APILogHandler) for handler in pipeline.handlers):
        to_page = APILogHandler()
        to_page.setFormatter(_Redacting())
        pipeline.addHandler(to_page)
