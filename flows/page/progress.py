"""A progress artifact on a run's page, brought up to date every few seconds by its own thread."""

import threading
from contextlib import suppress
from contextvars import copy_context
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate

from flows.progress import Report

SEND_SECONDS = 5.0


class ProgressArtifact:
    """Shows one piece of work as a bar on the page. A server that is away is left alone."""

    def __init__(self, key: str, flow_run_id: UUID):
        self._key = key
        self._flow_run_id = flow_run_id
        self._latest: Report | None = None
        self._ended = threading.Event()
        # In a copy of this thread's context, which has Prefect's settings.
        self._thread = threading.Thread(target=copy_context().run, args=[self._send], daemon=True)

    def show(self, report: Report) -> None:
        """Keep the report; the thread sends the latest."""
        self._latest = report
        if not self._thread.ident:
            self._thread.start()

    def finish(self, text: str) -> None:
        """Show what came of it."""
        total = self._latest.total if self._latest else 1
        self.show(Report(total, total, text))
        self._ended.set()

    def close(self, seconds: float) -> None:
        """Send what is left to send, within these seconds."""
        self._ended.set()
        if self._thread.ident:
            self._thread.join(seconds)

    def _send(self) -> None:
        sent = made = None
        with get_client(sync_client=True) as client:
            while True:
                ended = self._ended.wait(0 if made is None else SEND_SECONDS)
                latest = self._latest
                if latest and latest is not sent:
                    with suppress(Exception):  # the run goes on, and the next report is sent
                        made = self._write(client, made, latest)
                        sent = latest
                if ended:
                    return
                if made is None:  # the server is away
                    self._ended.wait(SEND_SECONDS)

    def _write(self, client: SyncPrefectClient, made: UUID | None, report: Report) -> UUID:
        share = 100 * report.done / report.total
        if made:
            update = ArtifactUpdate(data=share, description=report.text)
            client.update_artifact(made, update)
            return made
        artifact = ArtifactCreate(
            key=self._key,
            type="progress",
            data=share,
            description=report.text,
            flow_run_id=self._flow_run_id,
        )
        return client.create_artifact(artifact).id
