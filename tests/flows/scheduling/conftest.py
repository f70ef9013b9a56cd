"""A Prefect server that a test may kill and start again, and what goes on beside it."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Suspended

from tests.flows.conftest import COMMAND, Layerwise, free_port, settings, wait_for

PREFECT = str(COMMAND.with_name("prefect"))
# Long enough to be cancelled in the middle of its only level.
LONG_LEVEL = settings(
    "stack=[{units: 64, sparsity: {mechanism: topk, k: 16}, epochs: 6000, batch_size: 64}]",
    "pretrain_seeds=1",
    "finetune.label_budgets=[30]",
)
Worker = AbstractContextManager[subprocess.Popen[bytes]]


class PrefectServer:
    """A server of its own, at one address and with one database however often it is started."""

    def __init__(self, home: Path) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/api"
        self._environment = os.environ | {
            "PREFECT_HOME": str(home),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        self._environment.pop("PREFECT_API_URL", None)

    def start(self) -> None:
        self._process = subprocess.Popen(
            [PREFECT, "server", "start", "--port", str(self._port)],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(f"{self.url}/health", self._process)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A running server, which Prefect's client in this process talks to."""
    server = PrefectServer(tmp_path_factory.mktemp("prefect"))
    server.start()
    try:
        with temporary_settings({PREFECT_API_URL: server.url}):
            yield server
    finally:
        server.kill()


def environment(url: str) -> dict[str, str]:
    """What a command of the user's sees, with this server; MLflow has set its store's here."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PREFECT_"))}
    return kept | {"PREFECT_API_URL": url}


@contextmanager
def going_on(
    arguments: list[str | Path], folder: Path, url: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A command that goes on until the end of the block; what it writes is in log.txt."""
    with (folder / "log.txt").open("a") as log:
        process = subprocess.Popen(
            arguments, cwd=folder, env=environment(url), stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=60)


def wait_until(found: Callable[[], object], seconds: float, folder: Path) -> None:
    """Wait until something is found; else fail with the end of the folder's log.txt."""
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, (folder / "log.txt").read_text()[-3000:]
        time.sleep(1)


def runs_of(deployment: str, flow: str = "layerwise") -> list[FlowRun]:
    """All runs of a deployment, oldest first."""
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(f"{flow}/{deployment}")
        mine = FlowRunFilter.model_validate({"deployment_id": {"any_": [str(found.id)]}})
        return sorted(client.read_flow_runs(flow_run_filter=mine), key=lambda run: str(run.created))


def deployed(name: str) -> bool:
    """Whether there is a deployment of the name."""
    with get_client(sync_client=True) as client:
        return any(found.name == name for found in client.read_deployments())


def trigger(deployment: str, flow: str = "layerwise", run_name: str | None = None) -> FlowRun:
    """What the button on Prefect's page does."""
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(f"{flow}/{deployment}")
        return client.create_flow_run_from_deployment(found.id, name=run_name)


def state_of(run: FlowRun) -> str:
    """The name of the run's state."""
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run.id).state
    assert state and state.name
    return state.name


def suspend(run: FlowRun) -> None:
    """What Suspend on Prefect's page does."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run.id, Suspended(timeout_seconds=3600))


@pytest.fixture
def pool(prefect_url: str) -> str:
    """A work pool of processes."""
    subprocess.run(
        [PREFECT, "work-pool", "create", "lasting", "--type", "process", "--overwrite"],
        env=os.environ | {"PREFECT_API_URL": prefect_url}, check=True, capture_output=True,
    )  # fmt: skip
    return "lasting"


@pytest.fixture
def deploy_to_pool(
    make_workspace: Callable[[str], Path], layerwise: Layerwise, pool: str
) -> Callable[[str], Path]:
    """Make a workspace whose long run is a deployment of the pool, both of the given name."""

    def deployed_from(name: str) -> Path:
        folder = make_workspace(name)
        registered = layerwise(
            "schedule", "digits", "--cron", "0 2 * * *", "--name", name, "--pool", pool,
            *LONG_LEVEL, folder=folder,
        )  # fmt: skip
        assert registered.returncode == 0, registered.stderr
        return folder

    return deployed_from


@pytest.fixture
def working(prefect_url: str, pool: str, tmp_path: Path) -> Callable[[], Worker]:
    """Start a worker of the pool, which works until the end of the block."""
    return lambda: going_on([PREFECT, "worker", "start", "--pool", pool], tmp_path, prefect_url)


@pytest.fixture
def in_its_level(
    deploy_to_pool: Callable[[str], Path],
    working: Callable[[], Worker],
    tmp_path: Path,
    prefect_url: str,
) -> Callable[[str], AbstractContextManager[tuple[Path, FlowRun]]]:
    """A run of the pool that a worker has begun, in the middle of its level, and its folder."""

    @contextmanager
    def begun(name: str) -> Iterator[tuple[Path, FlowRun]]:
        folder = deploy_to_pool(name)
        with temporary_settings({PREFECT_API_URL: prefect_url}), working():
            run = trigger(name)
            wait_until(lambda: checkpoints(folder), 120, tmp_path)
            yield folder, run

    return begun


def checkpoints(folder: Path) -> list[Path]:
    """Of the levels that a run has begun."""
    return [*(folder / "mlruns" / "scratch" / "checkpoints").glob("*.npz")]


def levels(folder: Path) -> list[Run]:
    """The runs of a level, the first begun first."""
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("digits")
    if not experiment:
        return []
    return client.search_runs(
        [experiment.experiment_id], "tags.`layerwise.stage` = 'pretrain'",
        order_by=["attributes.start_time ASC"],
    )  # fmt: skip
