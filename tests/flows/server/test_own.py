"""A run's own Prefect server: made when none is configured, ended with the run."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.flows.conftest import COMMAND, settings

ARGUMENTS = ["run", "digits", *settings("finetune.label_budgets=[30]", "finetune.arms=[random]")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prefect_home")


def started(home: Path, folder: Path, *changes: str) -> subprocess.Popen[str]:
    """The command, in a process group of its own as a terminal gives it, without a server."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PREFECT_"))}
    return subprocess.Popen(
        [COMMAND, *ARGUMENTS, *(part for change in changes for part in ("--set", change))],
        cwd=folder,
        env=kept | {"PREFECT_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def servers(home: Path) -> list[int]:
    """The processes of Prefect servers whose home is the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            environment = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if (
            b"flows.server.loopback:prefect_app" in words
            and f"PREFECT_HOME={home}".encode() in environment
        ):
            found.append(int(process.name))
    return found


def until(happened: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if happened():
            return True
        time.sleep(0.05)
    return False


def test_a_run_without_a_configured_server_has_one_of_its_own(home, make_workspace):
    process = "execution.runner=process", "execution.workers=1"
    small = "finetune.seeds=1", "stack=[{units: 16, epochs: 2}]"
    run = started(home, make_workspace("own"), *process, *small)
    stdout, stderr = run.communicate(timeout=240)
    assert run.returncode == 0, stderr
    assert "SavedModel:" in stdout
    ours = r"(pretrain level \d(, stack 2)? \(\d+ units\)|fine-tune): "
    assert [line for line in stderr.splitlines() if not re.match(ours, line)] == []
    assert until(lambda: not servers(home), 20)


LOGGING_FLOW = """
import time
from flows.environment import set_environment
set_environment(verbose=True)
from prefect import flow, get_run_logger
from flows.server.own import prefect_server

@flow
def says_something():
    get_run_logger().info("the last word")

with prefect_server() as wait_until_ready:
    wait_until_ready()
    says_something()
time.sleep(3)  # Prefect's client sends what was said every two seconds, and when it ends
"""


def test_what_a_flow_said_last_reaches_the_server_before_it_ends(home):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    run = subprocess.run(
        [sys.executable, "-c", LOGGING_FLOW],
        env=kept | {"PREFECT_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert "Error logging to API" not in run.stderr
    with closing(sqlite3.connect(home / "prefect.db")) as database:
        logged = [message for (message,) in database.execute("SELECT message FROM log")]
    assert "the last word" in logged


@pytest.mark.slow
def test_ctrl_c_stops_the_run_within_seconds_and_its_server_too(home, make_workspace):
    run = started(home, make_workspace("ctrl-c"), "stack.0.epochs=100000")
    assert run.stderr
    assert until(lambda: "epoch" in run.stderr.readline(), 120)
    began = time.monotonic()
    os.killpg(run.pid, signal.SIGINT)  # what a terminal does
    stdout, stderr = run.communicate(timeout=60)
    assert time.monotonic() - began < 20
    assert run.returncode == 130
    assert stdout == ""
    assert stderr.splitlines()[-1] == "layerwise: Stopped. Run the same command again to continue."
    assert "Traceback" not in stderr and "Error" not in stderr
    assert until(lambda: not servers(home), 20)


@pytest.mark.slow
def test_a_killed_run_leaves_no_server_behind(home, make_workspace):
    run = started(home, make_workspace("killed"), "stack.0.epochs=100000")
    assert until(lambda: bool(servers(home)), 60)
    assert run.stderr
    assert until(lambda: "epoch" in run.stderr.readline(), 120)
    run.kill()
    run.wait()
    assert until(lambda: not servers(home), 20)
