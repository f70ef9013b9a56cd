"""What a deployment tells a work pool: where the store is, and no password."""

from unittest.mock import Mock

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import deploy
from pipeline.config.schema import RunConfig


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("http://host:5000", {"MLFLOW_TRACKING_URI": "http://host:5000"}),
        ("http://me:s3cret@host:5000", {"MLFLOW_TRACKING_URI": "http://host:5000"}),
        ("postgresql://me:s3cret@host/db", {}),
    ],
)
def test_a_password_is_not_left_with_prefect(
    uri: str, told: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")  # put back afterwards
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    deployment = Mock()
    monkeypatch.setattr(deploy, "RunnerDeployment", deployment)
    monkeypatch.setattr(deploy, "_check_server", Mock())
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        deploy.schedule_runs(RunConfig(), "0 2 * * *", "nightly", "pool")
    assert deployment.from_flow.call_args.kwargs["job_variables"] == {"env": told}
    assert "s3cret" not in repr(deployment.mock_calls)
