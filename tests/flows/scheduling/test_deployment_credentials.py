"""What a deployment leaves with Prefect for the workers of a pool: no password."""

from contextlib import suppress

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.scheduling.deployment import schedule_jobs
from flows.scheduling.jobs import run_jobs
from flows.scheduling.trigger import trigger_of
from pipeline.config.schema import RunConfig


@pytest.mark.parametrize(
    ("uri", "stored"),
    [
        ("http://host:5000", {"MLFLOW_TRACKING_URI": "http://host:5000"}),
        ("http://me:s3cret@host:5000", {"MLFLOW_TRACKING_URI": "http://host:5000"}),
        ("postgresql://me:s3cret@host/db", {}),
    ],
)
def test_a_password_is_not_left_with_prefect(
    uri: str, stored: dict[str, str], prefect_url: str, monkeypatch: pytest.MonkeyPatch
):
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")  # put back afterwards
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with temporary_settings({PREFECT_API_URL: prefect_url}), get_client(sync_client=True) as client:
        with suppress(ObjectAlreadyExists):
            client.create_work_pool(WorkPoolCreate(name="credentials", type="process"))
        jobs = run_jobs([RunConfig()], "credentials", when_changed=False)
        schedule_jobs(jobs, trigger_of(cron="0 2 * * *"), "credentials")
        deployment = client.read_deployment_by_name("layerwise/credentials")
    found = deployment.job_variables["env"]
    assert {name: found[name] for name in found if "MLFLOW" in name} == stored
    assert "s3cret" not in deployment.model_dump_json()
