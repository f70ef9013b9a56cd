"""MLflow's and Prefect's pages: on loopback, for its names alone, and no password in sight."""

import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from starlette.testclient import TestClient

from flows.server.loopback import prefect_app
from tests.flows.conftest import COMMAND, free_port, wait_for

FOREIGN = ["evil.example", "127.0.0.1.evil.example", "10.evil.example", "192.168.1.evil.example"]
OWN = ["127.0.0.1", "localhost", "127.0.0.1:4200"]


def start_pages(folder: Path, ports: tuple[int, int], **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [COMMAND, "ui", "--mlflow-port", str(ports[0]), "--prefect-port", str(ports[1])],
        cwd=folder,
        env=os.environ | {"PREFECT_HOME": str(folder / "prefect"), **environment},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def test_servers_listen_on_loopback_and_no_password_is_on_a_command_line(tmp_path: Path):
    uri = "postgresql://me:s3cret@127.0.0.1:1/db"
    ports = free_port(), free_port()
    with start_pages(tmp_path, ports, MLFLOW_TRACKING_URI=uri) as pages:
        mlflow, prefect = servers_of(psutil.Process(pages.pid), ports)
        stored_at = mlflow.environ()["MLFLOW_BACKEND_STORE_URI"]
        commands = [mlflow.cmdline(), prefect.cmdline()]
        assert pages.stderr
        printed = pages.stderr.readline() + pages.stderr.readline()  # once both are started
        pages.send_signal(signal.SIGINT)
        pages.communicate(timeout=60)
    assert stored_at == uri
    for command, port in zip(commands, ports, strict=True):
        assert command[command.index("--host") + 1] == "127.0.0.1"
        assert command[command.index("--port") + 1] == str(port)
        assert "s3cret" not in " ".join(command)
        assert f"http://127.0.0.1:{port}" in printed


def servers_of(pages: psutil.Process, ports: tuple[int, int]) -> list[psutil.Process]:
    """The processes that it starts, each by the port that follows `--port` on its command line."""
    found: dict[str, psutil.Process] = {}
    while len(found) < 2 and pages.is_running():
        for child in pages.children():
            with suppress(psutil.Error):  # it may end meanwhile
                words = child.cmdline()
                if "--port" in words:  # else it is not yet another program than its parent
                    found[words[words.index("--port") + 1]] = child
    return [found[str(port)] for port in ports]


@pytest.mark.slow
def test_a_server_that_ends_is_reported_and_the_other_one_ended(tmp_path: Path):
    ports = free_port(), free_port()
    with socket.create_server(("127.0.0.1", ports[0])), start_pages(tmp_path, ports) as pages:
        printed = pages.communicate(timeout=120)[1]
    assert pages.returncode == 1
    assert "a server ended; is its port taken? See --mlflow-port" in printed
    with socket.create_server(("127.0.0.1", ports[1])):
        pass  # nothing listens there any more


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
    server = start_pages(folder, ports)
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
