"""Runs that somebody starts on Prefect's page: their names, and parameters that are wrong."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import PrefectHTTPStatusError
from prefect.flow_engine import run_flow
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.flow import pretraining
from flows.scheduling.deployment import deployment_of
from flows.scheduling.jobs import run_jobs
from flows.scheduling.trigger import trigger_of
from pipeline.config.schema import RunConfig

KL_WITH_RELU = [{"units": 8, "activation": "relu", "sparsity": {"mechanism": "kl"}}]
TWICE = {"label_budgets": [30, 30]}


@pytest.fixture
def client(prefect_url: str, workspace: Path) -> Iterator[SyncPrefectClient]:
    with temporary_settings({PREFECT_API_URL: prefect_url}), get_client(sync_client=True) as client:
        yield client


def submitted(client: SyncPrefectClient, name: str | None = None, **changes: Any) -> FlowRun:
    """What the form on Prefect's page does."""
    (job,) = run_jobs([RunConfig()], "parameters", when_changed=False)
    deployment_id = deployment_of(job, trigger_of(cron="0 2 * * *"), pool=None, tags=()).apply()
    config = job.parameters["config"] | changes
    return client.create_flow_run_from_deployment(
        deployment_id, name=name, parameters={"config": config}
    )


def ended(client: SyncPrefectClient, run: FlowRun) -> FlowRun:
    """The run, after the flow was called for it."""
    run_flow(pretraining, flow_run=run, parameters=run.parameters, return_type="state")
    return client.read_flow_run(run.id)


def test_a_name_typed_in_the_form_stays(client: SyncPrefectClient):
    run = submitted(client, name="for Anna", finetune=TWICE)
    assert ended(client, run).name == "for Anna"


def test_a_run_without_a_deployment_is_called_by_its_config_and_its_time(
    client: SyncPrefectClient,
):
    run = client.create_flow_run(pretraining, parameters={"config": {"name": "small", "nope": 1}})
    assert re.fullmatch(r"small \d{4}-\d\d-\d\d \d\d:\d\d", ended(client, run).name)


def test_faults_across_fields_are_refused_in_the_form(client: SyncPrefectClient):
    with pytest.raises(PrefectHTTPStatusError, match="config.stack.*activation.*'sigmoid' was exp"):
        submitted(client, stack=KL_WITH_RELU)


def test_other_faults_end_the_run_at_once_with_the_rule_and_what_was_given(
    client: SyncPrefectClient,
):
    run = ended(client, submitted(client, finetune=TWICE))
    assert run.state
    assert (run.state.type.value, run.state.name) == ("FAILED", "Refused")
    assert run.state.message == (
        "finetune: label_budgets must not repeat a value. Given: [30, 30]."
    )
