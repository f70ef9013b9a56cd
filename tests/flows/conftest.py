"""A real Prefect server, a real MLflow store and the real command, in a folder of their own."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import packages_distributions
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner, Result
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.cli import main

COMMAND = Path(sys.executable).with_name("layerwise")
LEVEL = (
    "{{units: {}, sparsity: {{mechanism: topk, k: {}}}, "
    "corruption: {{kind: masking, share: 0.3}}, epochs: 4, batch_size: 64}}"
)
# Small enough to end in seconds: two narrow levels, two seeds.
QUICK = (
    f"stack=[{LEVEL.format(32, 16)}, {LEVEL.format(16, 12)}]",
    "finetune.seeds=2",
    "finetune.epochs=2",
    "finetune.min_steps=40",
    "finetune.encoder_rates=[1.0]",
)

Layerwise = Callable[..., subprocess.CompletedProcess[str]]
Command = Callable[..., Result]


def settings(*changes: str) -> list[str]:
    """`--set` options for a quick run with further changes."""
    return [part for change in (*QUICK, *changes) for part in ("--set", change)]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wait_for(url: str, server: subprocess.Popen[bytes], seconds: float = 120) -> None:
    """Wait until the server answers at the address."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert server.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    raise TimeoutError(url)


@contextmanager
def mlflow_server(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """MLflow's own server over the folder's store."""
    server = subprocess.Popen(
        [
            COMMAND.with_name("mlflow"), "server", "--port", str(port), "--workers", "1",
            "--backend-store-uri", f"sqlite:///{folder}/mlruns/mlflow.db",
            "--artifacts-destination", str(folder / "mlruns" / "artifacts"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}/health", server)
        yield server
    finally:
        for process in [*psutil.Process(server.pid).children(recursive=True), server]:
            process.kill()
        server.wait()


@pytest.fixture(scope="session")
def prefect_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API of a Prefect server that lives as long as the tests."""
    port = free_port()
    environment = os.environ | {
        "PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    environment.pop("PREFECT_API_URL", None)
    server = subprocess.Popen(
        [COMMAND.with_name("prefect"), "server", "start", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/api/health", server)
        yield f"http://127.0.0.1:{port}/api"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="session")
def migrated_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database; making one takes seconds, copying it none."""
    from pipeline.tracking.tracker import Tracker

    made = tmp_path_factory.mktemp("store") / "mlflow.db"
    Tracker(f"sqlite:///{made}", "Default")
    # A copy: MLflow's client leaves the address in the environment, and whatever a test starts with
    # that would fill the store that the next test copies.
    return Path(shutil.copy(made, made.with_name("empty.db")))


@pytest.fixture(scope="session")
def make_workspace(
    tmp_path_factory: pytest.TempPathFactory, migrated_store: Path
) -> Callable[[str], Path]:
    """Makes folders to run in, each with an MLflow store of its own."""

    def make(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        (folder / "mlruns").mkdir()
        shutil.copy(migrated_store, folder / "mlruns" / "mlflow.db")
        return folder

    return make


@pytest.fixture
def workspace(make_workspace: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to run in, which is the current one."""
    folder = make_workspace("workspace")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def layerwise(prefect_url: str) -> Layerwise:
    """Runs the installed command in a fresh process."""

    def run(*arguments: str | Path, folder: Path, seconds: float = 240, **environment: str):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PREFECT_"))}
        return subprocess.run(
            [COMMAND, *map(str, arguments)],
            cwd=folder,
            env=kept | {"PREFECT_API_URL": prefect_url} | environment,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    return run


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command in this process, which has imported TensorFlow and MLflow already.

    For commands that start nothing. For those that do see `run_here` and `layerwise`.
    """
    for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL"):
        monkeypatch.setenv(name, "")  # MLflow sets it, for this process; put back afterwards
        monkeypatch.delenv(name)

    def run(*arguments: str | Path, folder: Path) -> Result:
        monkeypatch.chdir(folder)
        return CliRunner().invoke(main, [*map(str, arguments)])

    return run


@pytest.fixture(scope="session")
def run_here(prefect_url: str) -> Command:
    """Runs a command that starts a flow in this process, where no warning may reach the user.

    It costs a quarter of what a process costs that has to import TensorFlow and to compile first.
    Where the process itself is what is tested, use `layerwise`.
    """

    def run(*arguments: str | Path, folder: Path) -> Result:
        with (
            temporary_settings({PREFECT_API_URL: prefect_url}),
            pytest.MonkeyPatch.context() as patch,
            warnings.catch_warnings(record=True) as caught,
        ):
            patch.setenv("MLFLOW_TRACKING_URI", "")  # MLflow sets it, as in `command`
            patch.delenv("MLFLOW_TRACKING_URI")
            patch.chdir(folder)
            result = CliRunner().invoke(main, [*map(str, arguments)])
        assert not caught, [str(warning.message) for warning in caught]
        return result

    return run


def write_impostors(folder: Path) -> None:
    """Files called like all that can be imported, which tell in the file `executed` of it."""
    impostor = 'open("executed", "a").write(__name__)\nraise SystemExit(3)\n'
    for name in {*packages_distributions(), *sys.stdlib_module_names}:
        (folder / f"{name}.py").write_text(impostor)
