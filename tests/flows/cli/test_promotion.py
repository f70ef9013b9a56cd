"""`layerwise promote` and `rollback`, and what `status` says of models in service."""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import subprocess
import threading
import time
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from tests.flows.conftest import COMMAND, Command, free_port, mlflow_server


@pytest.fixture
def folder(workspace: Path) -> Path:
    """A folder whose store has three versions of the model `digits`."""
    add_versions(workspace)
    return workspace


def add_versions(folder: Path) -> None:
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    client.create_registered_model("digits")
    for _ in range(3):
        client.create_model_version("digits", folder.as_uri())


def in_service(folder: Path, command: Command) -> tuple[int | None, int | None]:
    shown = json.loads(command("status", "--json", folder=folder).output)
    (model,) = shown["models"]
    assert model["model"] == "digits"
    return model["champion"], model["previous"]


def test_promote_and_rollback_say_what_is_in_service_now(command: Command, folder: Path):
    first = command("promote", "digits", "1", folder=folder)
    assert (first.exit_code, first.output) == (0, "digits: the champion is version 1.\n")
    second = command("promote", "digits", "3", folder=folder)
    assert second.output == "digits: the champion is version 3; previous: version 1.\n"
    assert in_service(folder, command) == (3, 1)
    back = command("rollback", "digits", folder=folder)
    assert back.output == (
        "digits: the champion is version 1 again; version 3 is out of service.\n"
    )
    assert in_service(folder, command) == (1, None)


def test_status_shows_each_model_in_a_table(command: Command, folder: Path):
    assert "-" in command("status", folder=folder).output
    command("promote", "digits", "1", folder=folder)
    command("promote", "digits", "2", folder=folder)
    shown = command("status", folder=folder).output
    (line,) = [line for line in shown.splitlines() if line.startswith("digits")]
    assert "version 2" in line and "version 1" in line and "20" in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["promote", "digits", "7"], "The model digits has no version 7. Valid: 1, 2, 3."),
        (["promote", "digit", "1"], "no registered model 'digit'. Did you mean 'digits'?"),
        (["rollback", "digits"], "no previous champion to go back to. Name a version: layerwise"),
        (["rollback", "nothing"], "no registered model 'nothing'. Valid: digits."),
    ],
)
def test_what_cannot_be_done_is_refused(arguments, words, command: Command, folder: Path):
    result = command(*arguments, folder=folder)
    assert result.exit_code == 2 and words in result.output


def test_without_a_store_there_is_nothing_to_promote(command: Command, tmp_path: Path):
    folder = tmp_path / "empty"
    folder.mkdir()
    result = command("promote", "digits", "1", folder=folder)
    assert result.exit_code == 2 and "There is no MLflow store" in result.output
    assert list(folder.iterdir()) == []


@contextmanager
def held(folder: Path):
    """The store's promotion lock, as a gate at work holds it."""
    file = folder / "mlruns" / "promotion.lock"
    with closing(sqlite3.connect(file, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        yield


def started(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PREFECT_"))}
    return subprocess.Popen(
        [COMMAND, *arguments],
        cwd=folder,
        env=kept | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_of_two_promotions_at_one_moment_one_wins(command: Command, folder: Path):
    command("promote", "digits", "1", folder=folder)
    with held(folder):
        both = [started(folder, "promote", "digits", version) for version in ("2", "3")]
        for process in both:
            assert process.stderr
            assert process.stderr.readline() == "Another promotion is under way ...\n"
    ended = [(process.wait(), process.communicate()) for process in both]
    assert sorted(status for status, _ in ended) == [0, 2]
    (won,) = [version for version, (status, _) in zip((2, 3), ended, strict=True) if status == 0]
    (lost,) = [errors for status, (_, errors) in ended if status == 2]
    assert f"The champion of digits became version {won} meanwhile; it was version 1" in lost
    assert in_service(folder, command) == (won, 1)


class Hook:
    """What MLflow's server posted."""

    def __init__(self) -> None:
        self.posted: list[tuple[dict[str, str], bytes]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                hook.posted.append((dict(self.headers), content))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def signed(secret: str, headers: dict[str, str], content: bytes) -> bool:
    """Whether a post has the signature that docs/promotion.md tells of."""
    told = f"{headers['X-MLflow-Delivery-Id']}.{headers['X-MLflow-Timestamp']}.{content.decode()}"
    digest = hmac.new(secret.encode(), told.encode(), hashlib.sha256).digest()
    return headers["X-MLflow-Signature"] == f"v1,{base64.b64encode(digest).decode()}"


@pytest.mark.slow
def test_mlflow_s_server_posts_each_move_of_an_alias(
    command: Command, workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")  # it starts sooner
    monkeypatch.setenv("MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "http")
    monkeypatch.setenv("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "true")
    add_versions(workspace)
    hook, port = Hook(), free_port()
    address = f"http://127.0.0.1:{port}"
    with mlflow_server(workspace, port):
        client = MlflowClient(address)
        client.create_webhook(
            "champion", hook.address, ["model_version_alias.created"], secret="s3cret"
        )
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        result = command("promote", "digits", "2", folder=workspace)
        assert result.exit_code == 0
        assert "note: nothing keeps two promotions apart" in result.output
        ends = time.monotonic() + 30
        while not hook.posted and time.monotonic() < ends:
            time.sleep(0.2)
    (headers, content), *_ = hook.posted
    posted: dict[str, Any] = json.loads(content)
    assert (posted["entity"], posted["action"]) == ("model_version_alias", "created")
    assert posted["data"] == {"name": "digits", "alias": "champion", "version": "2"}
    assert signed("s3cret", headers, content)
    assert not signed("other", headers, content)


@pytest.mark.slow
def test_where_mlflow_is_a_server_prefect_s_limit_holds_promotions_apart(
    prefect_url: str, workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    port = free_port()
    address = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")  # it starts sooner
    add_versions(workspace)
    with mlflow_server(workspace, port), temporary_settings({PREFECT_API_URL: prefect_url}):
        from flows.promotion import one_promotion

        client = MlflowClient(address)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        with one_promotion():
            process = started(
                workspace, "promote", "digits", "2",
                MLFLOW_TRACKING_URI=address, PREFECT_API_URL=prefect_url,
            )  # fmt: skip
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(30)
            assert client.get_registered_model("digits").aliases == {}
        said, complained = process.communicate(timeout=120)
        assert said == "digits: the champion is version 2.\n", complained
        assert client.get_registered_model("digits").aliases == {"champion": "2"}
