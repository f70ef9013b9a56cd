"""MLflow's and Prefect's pages: on loopback, for its names alone, and no password in sight."""

import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from starlette.testclient import TestClient

from flows.server import pages
from flows.server.loopback import prefect_app
from tests.flows.conftest import COMMAND, free_port, wait_for

FOREIGN = ["evil.example", "127.0.0.1.evil.example", "10.evil.example", "192.168.1.evil.example"]
OWN = ["127.0.0.1", "localhost", "127.0.0.1:4200"]


def test_servers_listen_on_loopback_and_no_password_is_on_a_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    uri = "postgresql://me:s3cret@host/db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    start = Mock()  # servers that end at once
    monkeypatch.setattr(pages.subprocess, "Popen", start)
    with pytest.raises(OSError, match="is its port taken"):
        pages.serve_pages(5111, 4222)
    mlflow, prefect = ([str(part) for part in call.args[0]] for call in start.call_args_list)
    for command, port in ((mlflow, "5111"), (prefect, "4222")):
        assert command[command.index("--host") + 1] == "127.0.0.1"
        assert command[command.index("--port") + 1] == port
        assert "s3cret" not in " ".join(command)
    assert start.call_args.kwargs["env"]["MLFLOW_BACKEND_STORE_URI"] == uri
    printed = capsys.readouterr().err
    assert "http://127.0.0.1:5111" in printed and "http://127.0.0.1:4222" in printed


@pytest.mark.parametrize(("hosts", "status"), [(OWN, 200), ([*FOREIGN, ""], 400)])
def test_prefect_answers_to_this_machine_s_names_alone(hosts: list[str], status: int):
    client = TestClient(prefect_app())
    for host in hosts:
        answer = client.get("/api/admin/version", headers={"Host": host})
        assert answer.status_code == status, host


@pytest.fixture(scope="module")
def addresses(make_workspace: Callable[[str], Path]) -> Iterator[list[str]]:
    """The pages of `layerwise ui`, MLflow's and Prefect's."""
    ports = free_port(), free_port()
    folder = make_workspace("pages")
    server = subprocess.Popen(
        [COMMAND, "ui", "--mlflow-port", str(ports[0]), "--prefect-port", str(ports[1])],
        cwd=folder,
        env=os.environ | {"PREFECT_HOME": str(folder / "prefect")},
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        found = [f"http://127.0.0.1:{port}" for port in ports]
        for address in found:
            wait_for(address, server)
        yield found
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=60)


def status(address: str, host: str) -> int:
    try:
        request = urllib.request.Request(address, headers={"Host": host})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


@pytest.mark.slow
def test_both_servers_refuse_a_foreign_host(addresses: list[str]):
    paths = "/ajax-api/2.0/mlflow/experiments/search?max_results=1", "/api/admin/version"
    for address, path, refused in zip(addresses, paths, (403, 400), strict=True):
        own = [address.removeprefix("http://"), address.replace("127.0.0.1", "localhost")[7:]]
        assert [status(address + path, host) for host in own] == [200, 200]
        assert {status(address + path, host) for host in FOREIGN} == {refused}


@pytest.mark.slow
def test_another_site_s_scripts_may_not_read_prefect_s_answers(addresses: list[str]):
    def allowed(origin: str) -> str | None:
        request = urllib.request.Request(
            f"{addresses[1]}/api/admin/version", headers={"Origin": origin}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.headers["access-control-allow-origin"]

    assert allowed("http://evil.example") is None
    assert allowed(addresses[1]) == addresses[1]
