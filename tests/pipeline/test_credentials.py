"""Names and passwords inside addresses are used and not shown."""

import base64
import json
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from click.testing import CliRunner

from flows.cli import main
from pipeline.credentials import redact, strip_credentials
from pipeline.tracking.store import tracking_uri

VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # put back afterwards
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:secret@host:5000/a", "http://***@host:5000/a"),
        ("https://secret@host", "https://***@host"),
        ("postgresql+psycopg2://user:s/ec@ret@host/db", "postgresql+psycopg2://***@host/db"),
        ("mysql://host/db?user=me&password=secret&x=1", "mysql://host/db?user=me&password=***&x=1"),
        ("no answer from 'http://u:secret@h/' today", "no answer from 'http://***@h/' today"),
    ],
)
def test_credentials_are_hidden_wherever_they_stand(text: str, shown: str):
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////home/me@work/mlflow.db",
        "http://host:5000/a@b",
        "models:/digits@latest_run",
        "file:///home/a:b@c",
    ],
)
def test_other_addresses_are_shown_whole(text: str):
    assert redact(text) == text


def test_credentials_leave_an_http_address_for_mlflow_s_own_variables():
    assert strip_credentials("http://me:a%2Fb%40@host:5000/x?y@z") == "http://host:5000/x?y@z"
    assert [os.environ[name] for name in VARIABLES] == ["http://host:5000/x?y@z", "me", "a/b@"]


@pytest.mark.parametrize("address", ["http://host:5000/a@b", "sqlite:////a:b@c", "pg://u:s@h/db"])
def test_other_addresses_are_left_as_they_are(address: str):
    assert strip_credentials(address) == address
    assert not any(name in os.environ for name in VARIABLES)


@pytest.fixture
def address_and_logins() -> Iterator[tuple[str, list[str | None]]]:
    """A tracking server without an experiment, and how its visitors introduced themselves."""
    logins: list[str | None] = []

    class Empty(BaseHTTPRequestHandler):
        def do_POST(self):
            logins.append(self.headers["Authorization"])
            content = json.dumps({}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Empty)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", logins
    server.shutdown()
    server.server_close()


def test_the_server_gets_the_credentials_that_nobody_sees(
    address_and_logins: tuple[str, list[str | None]], monkeypatch: pytest.MonkeyPatch
):
    address, logins = address_and_logins
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:s3cret@{address}/")
    result = CliRunner().invoke(main, ["compare", "nothing"])
    assert result.exit_code == 2
    assert "There is no experiment 'nothing'" in result.output
    assert logins == [f"Basic {base64.b64encode(b'me:s3cret').decode()}"]
    assert tracking_uri() == f"http://{address}/"


@pytest.mark.parametrize("verbose", [[], ["--verbose"]])
@pytest.mark.parametrize(
    ("uri", "status"), [("http://me:s3cret@127.0.0.1:9/", 2), ("nosql://me:s3cret@host/db", 1)]
)
def test_a_store_that_fails_is_named_without_its_password(
    uri: str, status: int, verbose: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    result = CliRunner().invoke(main, [*verbose, "compare"])
    assert result.exit_code == status
    assert uri.rpartition("@")[2].rstrip("/") in result.output or "port=9" in result.output
    assert "s3cret" not in result.output
