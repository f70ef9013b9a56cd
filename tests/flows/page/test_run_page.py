"""What a run shows on its page of a real Prefect server: log, progress, why it failed."""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, FlowRunFilter, LogFilter
from prefect.client.schemas.objects import Artifact
from prefect.context import FlowRunContext
from prefect.logging.handlers import APILogHandler
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

from flows.page.log import prepare_logs
from flows.page.outcome import shown_on_page
from flows.page.page import log, page_displays
from flows.page.progress import ProgressArtifact
from flows.progress import Report
from pipeline.config.schema import RunConfig
from pipeline.errors import InputError
from tests.flows.conftest import free_port

CONFIG = RunConfig(name="My.run_1")
SECRET = "postgresql://me:s3cret@host/db"


@pytest.fixture(autouse=True)
def page(prefect_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("flows.page.progress.SEND_SECONDS", 0.2)
    prepare_logs()
    with temporary_settings({PREFECT_API_URL: prefect_url}):
        yield


def run(work: Callable[[], Any]) -> tuple[Any, UUID]:
    """Does the work as a flow that has a page."""
    ids = []

    @flow(name="page", persist_result=False)
    @shown_on_page
    def paged(config: RunConfig) -> Any:
        context = FlowRunContext.get()
        ids.append(context.flow_run.id)
        return work()

    state = paged(CONFIG, return_state=True)
    return state, ids[0]


def lines(run_id: UUID) -> list[str]:
    APILogHandler().flush()
    with get_client(sync_client=True) as client:
        found = client.read_logs(LogFilter.model_validate({"flow_run_id": {"any_": [run_id]}}))
    return [entry.message for entry in found]


def artifacts(run_id: UUID) -> dict[str, Artifact]:
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(
            artifact_filter=ArtifactFilter.model_validate({"flow_run_id": {"any_": [run_id]}}),
            flow_run_filter=FlowRunFilter.model_validate({"id": {"any_": [run_id]}}),
        )
    return {artifact.key: artifact for artifact in found}


def test_progress_is_shown_while_work_goes_on_and_its_outcome_afterwards():
    meanwhile = []

    def work() -> None:
        run_id = FlowRunContext.get().flow_run.id
        displays = page_displays("pretrain level 1 (8 units)")
        for done in (1, 2):
            for display in displays:
                display.show(Report(done, 4, f"epoch {done}/4"))
            time.sleep(1)
            meanwhile.append(artifacts(run_id)["my-run-1-pretrain-level-1-8-units"])
        for display in displays:
            display.finish("explained variance 0.5")

    _, run_id = run(work)
    assert [(a.data, a.description) for a in meanwhile] == [
        (25.0, "epoch 1/4"),
        (50.0, "epoch 2/4"),
    ]
    (shown,) = artifacts(run_id).values()
    assert (shown.type, shown.data) == ("progress", 100.0)
    assert shown.description == "explained variance 0.5"
    assert "pretrain level 1 (8 units): explained variance 0.5" in lines(run_id)


def test_work_that_fails_leaves_its_progress_where_it_was():
    def work() -> None:
        (artifact, _) = page_displays("level")
        artifact.show(Report(1, 4, "epoch 1/4"))
        raise RuntimeError("diverged")

    _, run_id = run(work)
    assert artifacts(run_id)["my-run-1-level"].data == 25.0


def test_a_failed_run_says_why_and_no_password():
    def work() -> None:
        raise RuntimeError(f"{SECRET} is away")

    state, run_id = run(work)
    assert state.is_failed() and state.name == "Failed"
    assert state.message == "RuntimeError: postgresql://***@host/db is away"
    assert state.message in lines(run_id)
    with pytest.raises(RuntimeError, match="s3cret"):  # the caller gets the exception as it was
        state.result()


def test_a_refused_run_says_so_without_a_traceback():
    @task(persist_result=False)
    def read() -> None:
        raise InputError("There is no file 'x.csv'.")

    state, run_id = run(read)
    assert state.is_failed() and state.name == "Refused"
    assert state.message == "There is no file 'x.csv'."
    assert state.message in lines(run_id)
    assert not [line for line in lines(run_id) if "Traceback" in line]
    with pytest.raises(InputError):
        state.result()


def test_a_traceback_on_the_page_has_no_password():
    @task(persist_result=False)
    def away() -> None:
        raise OSError(f"{SECRET} is away")

    _, run_id = run(away)
    logged = "\n".join(lines(run_id))
    assert "Traceback" in logged
    assert "s3cret" not in logged


def test_warnings_of_the_pipeline_are_on_the_page():
    def work() -> None:
        logging.getLogger("pipeline.training.checkpoint").warning("No checkpoint: %s.", SECRET)
        logging.getLogger("mlflow").warning("chatter")

    _, run_id = run(work)
    assert "No checkpoint: postgresql://***@host/db." in lines(run_id)
    assert "chatter" not in lines(run_id)


def test_a_run_whose_server_ends_with_it_has_no_page():
    def work() -> None:
        assert page_displays("level") == []
        log("nobody reads this")

    with temporary_settings({PREFECT_LOGGING_TO_API_ENABLED: False}):
        _, run_id = run(work)
    assert lines(run_id) == [] and artifacts(run_id) == {}


def test_a_server_that_is_away_stops_no_work():
    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"}):
        artifact = ProgressArtifact("level", UUID(int=0))
        began = time.monotonic()
        artifact.show(Report(1, 4, "epoch 1/4"))
        artifact.finish("done")
        artifact.close(1.0)
    assert time.monotonic() - began < 2.0
