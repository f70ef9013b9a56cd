"""Addresses of servers that are gone: refused within seconds, with the address and what to set."""

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from flows.server.configured import check_prefect
from pipeline.errors import InputError
from pipeline.tracking.store import check_store
from tests.flows.conftest import free_port, mlflow_server


class Page(BaseHTTPRequestHandler):
    """What a proxy answers to whoever has not signed in: 200 and HTML, whatever is asked."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"<html>Sign in</html>")


@pytest.fixture
def page() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def silent() -> Iterator[str]:
    """Something that takes a connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def closed() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def nameless() -> str:
    return "http://nobody.invalid:4200"


GONE = ["closed", "nameless", "page", pytest.param("silent", marks=pytest.mark.slow)]


@pytest.mark.parametrize("gone", GONE)
@pytest.mark.timeout(30)
def test_a_prefect_server_that_is_gone_is_named(gone: str, request: pytest.FixtureRequest):
    api = f"{request.getfixturevalue(gone)}/api"
    with pytest.raises(InputError, match="Set PREFECT_API_URL to a server that runs") as refusal:
        check_prefect(api)
    assert api in str(refusal.value)


@pytest.mark.parametrize("gone", GONE)
@pytest.mark.timeout(30)
def test_an_mlflow_server_that_is_gone_is_named(
    gone: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
):
    uri = request.getfixturevalue(gone)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(InputError, match="unset") as refusal:
        check_store()
    assert uri in str(refusal.value) and "MLFLOW_TRACKING_URI" in str(refusal.value)


def test_no_password_of_an_address_is_shown(closed: str):
    with pytest.raises(InputError) as refusal:
        check_prefect(closed.replace("http://", "http://ann:s3cret@") + "/api")
    assert "s3cret" not in str(refusal.value)


def test_a_prefect_server_that_answers_is_used(prefect_url: str):
    check_prefect(prefect_url)


@pytest.mark.slow
def test_an_mlflow_server_that_answers_is_used(
    make_workspace: Callable, monkeypatch: pytest.MonkeyPatch
):
    port = free_port()
    with mlflow_server(make_workspace("answers"), port):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
        check_store()
