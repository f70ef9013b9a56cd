"""A server that goes away in mid-run stops no training and loses nothing."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient

from tests.flows.conftest import COMMAND, free_port, mlflow_server, wait_for
from tests.flows.faults.conftest import (
    Run,
    Table,
    closed,
    ended_the_same,
    epochs_done,
    goes_on,
    until,
)
from tests.flows.faults.outcome import Outcome, client, outcome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
GONE_SECONDS = 60
LONG = ("--set", "stack.0.epochs=1500")
"""A level that trains for longer than that."""


def test_the_tracking_server_is_gone_for_a_minute(
    make_workspace: Callable[[str], Path], prefect_url: str, table: Table
):
    undisturbed = make_workspace("undisturbed")
    run = Run(undisturbed, prefect_url, *LONG)
    assert run.end() == 0, run.messages
    folder = make_workspace("tracking_server")
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    with mlflow_server(folder, port):
        scratch = str(folder / "scratch")
        run = Run(folder, prefect_url, *LONG, MLFLOW_TRACKING_URI=uri, LAYERWISE_SCRATCH=scratch)
        until(lambda: epochs_done(MlflowClient(uri)) > 0)
    gone_at = run.messages
    time.sleep(GONE_SECONDS)
    assert run.process.poll() is None, run.messages
    progress_meanwhile = run.messages.removeprefix(gone_at)
    with mlflow_server(folder, port):
        assert run.end() == 0, run.messages
    assert "pretrain level 1 (96 units): e" in progress_meanwhile
    ended_the_same(folder, outcome(undisturbed), table, "tracking server gone for a minute", "0")
    closed(client(folder))


def test_the_runs_own_prefect_server_dies(
    expected: Outcome,
    make_workspace: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
    table: Table,
):
    folder = make_workspace("own_prefect")
    home = tmp_path_factory.mktemp("prefect_home")
    run = Run(folder, None, PREFECT_HOME=str(home))
    until(lambda: epochs_done(client(folder)) > 0)
    servers = [
        child
        for child in psutil.Process(run.process.pid).children()
        if "flows.server.loopback:prefect_app" in child.cmdline()
    ]
    assert len(servers) == 1
    servers[0].kill()
    assert run.end() == 0, run.messages
    ended_the_same(folder, expected, table, "own Prefect server killed", "0")
    assert "Traceback" not in run.messages and "ERROR" not in run.messages


def test_a_configured_prefect_server_goes_for_good(
    expected: Outcome,
    make_workspace: Callable[[str], Path],
    prefect_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    table: Table,
):
    folder = make_workspace("configured_prefect")
    port = free_port()
    server = subprocess.Popen(
        [COMMAND.with_name("prefect"), "server", "start", "--port", str(port)],
        env={"PATH": "/usr/bin:/bin", "PREFECT_HOME": str(tmp_path_factory.mktemp("home"))},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/api/health", server)
        run = Run(folder, f"http://127.0.0.1:{port}/api")
        until(lambda: epochs_done(client(folder)) > 0)
    finally:
        for process in [*psutil.Process(server.pid).children(recursive=True), server]:
            process.kill()
        server.wait()
    assert run.end() == 1
    assert "Prefect's server" in run.messages and "again to continue" in run.messages
    assert "Traceback" not in run.messages
    goes_on(folder, prefect_url, expected, table, "configured Prefect server gone for good", "0")
