"""What a flow run shows on its page, while it works and when it ends.

A run whose Prefect server ends with it has no page: then all of this does nothing.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from prefect.artifacts import create_markdown_artifact
from prefect.context import FlowRunContext
from prefect.logging.handlers import APILogHandler
from prefect.logging.loggers import get_run_logger
from prefect.settings import get_current_settings
from prefect.utilities.urls import url_for

from flows.naming import subject
from flows.page.progress import ProgressArtifact
from flows.progress import Display, Report
from pipeline.credentials import redact
from pipeline.evaluation.summary import Summary
from pipeline.report.markdown import summary_markdown

CLOSING_SECONDS = 5.0
"""For what is left to send when the run has ended."""


class Page:
    """The page of one flow run: its log and its artifacts."""

    def __init__(self, flow_run_id: UUID, name: str):
        self._flow_run_id = flow_run_id
        self._name = name
        self._logger = get_run_logger()
        self._artifacts: list[ProgressArtifact] = []

    @property
    def address(self) -> str | None:
        """Where people see it."""
        return url_for("flow-run", self._flow_run_id)

    def log(self, text: str) -> None:
        """A line in the log of the run, whichever of its tasks has something to say."""
        self._logger.info("%s", text)

    def displays(self, name: str) -> list[Display]:
        """Displays of work that begins now: a progress artifact, a line when it is done."""
        artifact = ProgressArtifact(self._key(name), self._flow_run_id)
        self._artifacts.append(artifact)
        return [artifact, _Line(self, name)]

    def publish(self, summary: Summary) -> None:
        """The tables of the run, as on the terminal."""
        create_markdown_artifact(
            summary_markdown(summary), self._key("comparison"), f"Comparison of {self._name}"
        )

    def close(self) -> None:
        """Send what is left to send."""
        end = time.monotonic() + CLOSING_SECONDS
        for artifact in self._artifacts:
            artifact.close(max(0.0, end - time.monotonic()))
        # A worker of a pool ends its process before Prefect has sent what was said last.
        APILogHandler().flush()

    def _key(self, name: str) -> str:
        """Prefect's keys are of small letters, digits and dashes."""
        return re.sub("[^a-z0-9]+", "-", f"{self._name} {name}".lower()).strip("-")


class _Line:
    def __init__(self, page: Page, name: str):
        self._page = page
        self._name = name

    def show(self, report: Report) -> None:
        """The artifact shows it."""

    def finish(self, text: str) -> None:
        self._page.log(f"{self._name}: {text}")


_page: Page | None = None


@contextmanager
def page_open() -> Iterator[None]:
    """While this lasts, what this process tells of the flow run is shown on the run's page.

    The flow's parameter `config` has a name, by which the page calls its artifacts.
    """
    global _page
    context = FlowRunContext.get()
    assert context and context.flow_run and context.parameters
    if not get_current_settings().logging.to_api.enabled:
        yield
        return
    _page = Page(context.flow_run.id, subject(context.parameters))
    try:
        yield
    finally:
        _page.close()
        _page = None


def page_is_open() -> bool:
    """Whether there is a page to be shown anything."""
    return _page is not None


def page_address() -> str | None:
    """The address of the page, if there is one, without what it takes to get in."""
    return redact(_page.address) if _page and _page.address else None


def log(text: str) -> None:
    """A line in the log of the page, if there is one."""
    if _page:
        _page.log(text)


def page_displays(name: str) -> list[Display]:
    """The displays of the page, if there is one."""
    return _page.displays(name) if _page else []


def publish(summary: Summary) -> None:
    """The tables of the run on the page, if there is one."""
    if _page:
        _page.publish(summary)
