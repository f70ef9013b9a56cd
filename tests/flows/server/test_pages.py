"""MLflow's and Prefect's pages: on loopback, for its names alone, and no password in sight."""

import os
import signal
import socket
import sqlite3
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import psutil
import pytest
from starlette.testclient import TestClient

from flows.server.loopback import prefect_app
from tests.flows.conftest import (
    COMMAND,
    Command,
    Layerwise,
    free_port,
    mlflow_server,
    wait_for,
)

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
        mlflow, prefect = servers_of(pages, ports)
        stored_at = mlflow.environ()["MLFLOW_BACKEND_STORE_URI"]
        commands = [mlflow.cmdline(), prefect.cmdline()]
        pages.send_signal(signal.SIGINT)
        pages.communicate(timeout=60)
    assert stored_at == uri
    for command, port in zip(commands, ports, strict=True):
        assert command[command.index("--host") + 1] == "127.0.0.1"
        assert command[command.index("--port") + 1] == str(port)
        assert "s3cret" not in " ".join(command)


def servers_of(pages: subprocess.Popen[str], ports: tuple[int, int]) -> list[psutil.Process]:
    """The processes that it starts, each by the port that follows `--port` on its command line."""
    found: dict[str, psutil.Process] = {}
    while len(found) < 2 and pages.poll() is None:
        for child in psutil.Process(pages.pid).children():
            with suppress(psutil.Error):  # it may end meanwhile
                words = child.cmdline()
                if "--port" in words:  # else it is not yet another program than its parent
                    found[words[words.index("--port") + 1]] = child
    return [found[str(port)] for port in ports]


@pytest.mark.slow
def test_a_server_that_ends_is_reported_with_what_it_wrote_last_and_the_other_one_ended(
    tmp_path: Path,
):
    ports = free_port(), free_port()
    unknown = {"MLFLOW_TRACKING_URI": "nosuchdatabase://127.0.0.1/db"}
    with start_pages(tmp_path, ports, **unknown) as pages:
        printed = pages.communicate(timeout=120)[1]
    assert pages.returncode == 1
    assert f"MLflow's server at http://127.0.0.1:{ports[0]} ended. What it wrote last:" in printed
    assert "nosuchdatabase" in printed
    with socket.create_server(("127.0.0.1", ports[1])):
        pass  # nothing listens there any more


@pytest.mark.slow
def test_a_page_is_called_ready_when_it_answers_and_ctrl_c_leaves_no_process_behind(
    make_workspace: Callable[[str], Path],
):
    ports = free_port(), free_port()
    with start_pages(make_workspace("ready"), ports) as pages:
        assert pages.stderr
        ready = []
        for line in pages.stderr:
            ready.append(line)
            if "Ctrl-C" in line:
                break
        found = {line.split()[-1] for line in ready if "ready at" in line}
        assert {status(address, "127.0.0.1") for address in found} == {200}, ready
        started = psutil.Process(pages.pid).children(recursive=True)
        pages.send_signal(signal.SIGINT)
        assert pages.wait(timeout=60) == 0
    assert found == {f"http://127.0.0.1:{port}" for port in ports}
    assert len(started) >= 2
    assert not any(process.is_running() for process in started)


def test_in_an_empty_folder_no_store_is_made(tmp_path: Path, command: Command):
    result = command("ui", folder=tmp_path)
    assert result.exit_code == 2
    assert f"There is no MLflow store at sqlite:///{tmp_path}" in result.output
    assert "Start a run first: layerwise run" in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def other_port() -> Iterator[int]:
    """A port that some other program has."""
    with HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize("name", ["MLflow", "Prefect"])
def test_a_port_that_something_else_has_is_named_with_the_option_for_another_one(
    name: str, other_port: int, workspace: Path, command: Command
):
    option = f"--{name.lower()}-port"
    ports = {"--mlflow-port": free_port(), "--prefect-port": free_port(), option: other_port}
    result = command(
        "ui", *(str(word) for pair in ports.items() for word in pair), folder=workspace
    )
    assert result.exit_code == 2
    assert f"Port {other_port} is taken, and not by {name}." in result.output
    assert f"{option} {other_port + 1}" in result.output


@pytest.mark.slow
def test_servers_that_are_there_are_used_and_left_running(
    make_workspace: Callable[[str], Path], prefect_url: str, layerwise: Layerwise
):
    here, elsewhere, port = make_workspace("here"), make_workspace("elsewhere"), free_port()
    prefect = prefect_url.removesuffix("/api")
    options = "--mlflow-port", str(port), "--prefect-port", prefect.rpartition(":")[2]
    with sqlite3.connect(elsewhere / "mlruns" / "mlflow.db") as database:
        database.execute("UPDATE experiments SET creation_time = creation_time + 1")
    with mlflow_server(here, port):
        # Whether its address is configured or not.
        for configured in ({}, {"PREFECT_API_URL": ""}):
            shown = layerwise("ui", *options, folder=here, **configured)
            assert shown.returncode == 0, shown.stderr
            assert f"MLflow: ready at http://127.0.0.1:{port} (it was running" in shown.stderr
            assert f"Prefect: ready at {prefect} (it was running" in shown.stderr
        refused = layerwise("ui", *options, folder=elsewhere)
        assert refused.returncode == 2
        assert f"at http://127.0.0.1:{port} shows another store than" in refused.stderr
        assert "--mlflow-port" in refused.stderr
        assert status(f"http://127.0.0.1:{port}", "127.0.0.1") == 200
    assert status(f"{prefect}/api/health", "127.0.0.1") == 200


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
