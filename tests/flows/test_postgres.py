"""PostgreSQL behind MLflow and Prefect: the documented commands, and machines that share it."""

import getpass
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from mlflow import MlflowClient

from pipeline.tracking.tracker import Tracker
from tests.docs.pages import ROOT
from tests.docs.running import run_page
from tests.flows.conftest import COMMAND, free_port, wait_for
from tests.flows.test_sharing import checkout, run_in

pytestmark = pytest.mark.slow
PAGE = ROOT / "docs" / "postgres.md"
PASSWORD = "correct-horse-battery"


class Postgres(NamedTuple):
    """A running server, whose user `layerwise` may make databases."""

    port: int
    environment: dict[str, str]
    """With the file that has the password, and no password itself."""


def binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    return found[-1].parent


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server on loopback that asks for a password."""
    programs, port = binaries(), free_port()
    # Not pytest's folder, into which PostgreSQL's own user cannot look.
    folder = Path(tempfile.mkdtemp(prefix="layerwise-postgres-"))
    as_user: list[str] = []
    if getpass.getuser() == "root":  # which initdb refuses
        as_user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
        shutil.chown(folder, "postgres")
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    home = Path(tempfile.mkdtemp(prefix="layerwise-home-"))
    (home / "pgpass").write_text(f"127.0.0.1:{port}:*:layerwise:{PASSWORD}\n")
    (home / "pgpass").chmod(0o600)
    subprocess.run(
        [
            *as_user, programs / "initdb", "--pgdata", folder / "data", "--username", "layerwise",
            "--auth", "scram-sha-256", "--pwfile", folder / "password", "--no-sync",
        ],
        check=True, capture_output=True, cwd=folder,
    )  # fmt: skip
    server = subprocess.Popen(
        [
            *as_user, programs / "postgres", "-D", folder / "data", "-k", folder,
            "-c", "listen_addresses=127.0.0.1", "-c", f"port={port}", "-c", "fsync=off",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    try:
        ready = [programs / "pg_isready", "--host", "127.0.0.1", "--port", str(port)]
        while subprocess.run(ready, capture_output=True).returncode:
            assert server.poll() is None
        yield Postgres(port, {"PGPASSFILE": str(home / "pgpass")})
    finally:
        server.send_signal(signal.SIGINT)  # without waiting for those who are connected
        server.wait(timeout=60)
        shutil.rmtree(folder)
        shutil.rmtree(home)


def test_the_documented_commands_start_the_set(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name, value in postgres.environment.items():
        monkeypatch.setenv(name, value)
    page = PAGE.read_text("utf-8").replace("```bash", "```sh")
    for port, free in (("5432", postgres.port), ("5000", free_port()), ("4200", free_port())):
        assert port in page
        page = page.replace(port, str(free))
    status, output = run_page(page, PAGE.name, tmp_path)
    assert status == 0, output
    assert "frozen" in output and "pretrained" in output
    assert any((tmp_path / "artifacts").iterdir())


@contextmanager
def serving(
    arguments: list[str], url: str, log: Path, environment: dict[str, str]
) -> Iterator[None]:
    server = subprocess.Popen(
        arguments, env=os.environ | environment, stdout=log.open("w"), stderr=subprocess.STDOUT
    )
    try:
        wait_for(url, server)
        yield
    finally:
        for process in [*psutil.Process(server.pid).children(recursive=True), server]:
            process.kill()
        server.wait()


@pytest.fixture(scope="module")
def servers(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str, list[Path]]]:
    """The addresses of an MLflow and a Prefect server on PostgreSQL, and what they log."""
    folder = tmp_path_factory.mktemp("postgres_servers")
    at = f"layerwise@127.0.0.1:{postgres.port}"
    for name in ("mlflow_shared", "prefect_shared"):
        subprocess.run(
            ["createdb", "--host", "127.0.0.1", "--port", str(postgres.port),
             "--username", "layerwise", name],
            env=os.environ | postgres.environment, check=True,
        )  # fmt: skip
    mlflow_port, prefect_port = free_port(), free_port()
    logs = [folder / "mlflow.txt", folder / "prefect.txt"]
    mlflow = [
        str(COMMAND.with_name("mlflow")), "server", "--port", str(mlflow_port), "--workers", "2",
        "--backend-store-uri", f"postgresql://{at}/mlflow_shared",
        "--artifacts-destination", str(folder / "artifacts"),
    ]  # fmt: skip
    prefect = [str(COMMAND.with_name("prefect")), "server", "start", "--port", str(prefect_port)]
    connection = f"postgresql+asyncpg://{at}/prefect_shared"
    with ExitStack() as stack:
        stack.enter_context(
            serving(mlflow, f"http://127.0.0.1:{mlflow_port}/health", logs[0], postgres.environment)
        )
        stack.enter_context(
            serving(
                prefect,
                f"http://127.0.0.1:{prefect_port}/api/health",
                logs[1],
                postgres.environment
                | {
                    "PREFECT_HOME": str(folder / "prefect"),
                    "PREFECT_SERVER_DATABASE_CONNECTION_URL": connection,
                },
            )
        )
        yield f"http://127.0.0.1:{mlflow_port}", f"http://127.0.0.1:{prefect_port}/api", logs


def no_lock_errors(logs: list[Path]) -> None:
    for log in logs:
        text = log.read_text().lower()
        assert not [w for w in ("deadlock", "is locked", "lock timeout") if w in text], text[-3000:]


def test_two_machines_at_one_moment_and_a_third_that_finds_all(
    servers: tuple[str, str, list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    uri, prefect_url, logs = servers
    machines = [checkout(tmp_path / name) for name in ("one", "two", "three")]

    def run(machine: Path) -> dict:
        (machine / "home").mkdir()
        return run_in(machine, prefect_url, uri, HOME=str(machine / "home"))

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(run, machines[:2])
    third = run(machines[2])
    assert first["comparison"] == second["comparison"] == third["comparison"]
    assert [level["cached"] for level in third["layers"]] == [True, True]
    experiment = MlflowClient(uri).get_experiment_by_name("digits")
    statuses = {r.info.status for r in MlflowClient(uri).search_runs([experiment.experiment_id])}
    assert statuses == {"FINISHED"}
    no_lock_errors(logs)


WRITING = """
import sys
from pipeline.tracking.tracker import Tracker

tracker = Tracker(sys.argv[1], "crowd")
print("ready", flush=True)
sys.stdin.readline()
with tracker.stage(sys.argv[2], "finetune", None, {"number": sys.argv[2]}) as run:
    run.params({f"p{n}": n for n in range(20)})
    for step in range(50):
        run.metrics({"loss": step / 2}, step)
"""


def test_twenty_stages_are_written_at_one_moment(servers: tuple[str, str, list[Path]]):
    uri, _, logs = servers
    tracker = Tracker(uri, "crowd")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITING, uri, str(number)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number in range(20)
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    assert [writer.wait(timeout=120) for writer in writers] == [0] * 20
    runs = tracker.client.search_runs([tracker.experiment_id])
    assert sorted(int(run.info.run_name) for run in runs) == list(range(20))
    assert {run.info.status for run in runs} == {"FINISHED"}
    for run in runs:
        assert tracker.history(run.info.run_id, "loss") == [step / 2 for step in range(50)]
        assert len(run.data.params) == 20
    no_lock_errors(logs)
