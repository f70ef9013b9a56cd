"""What runs on a cluster need, each part a process of its own that is measured by itself."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil
from distributed import Client

from benchmarks.cluster.counted import Counted
from benchmarks.cluster.scheduler_bytes import bytes_passed
from benchmarks.running import ONE_CORE

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
WORKERS = (1, 2)
"""Of each cluster."""


class Parts(ExitStack):
    """MLflow's and Prefect's servers, and Dask clusters of so many workers.

    Args:
        folder: Where they keep what they keep; no other set of parts uses it.
        postgres: `USER@HOST:PORT` of a PostgreSQL server, whose user may make databases; its
            password is where libpq finds it. Without it both servers use SQLite.
        clusters: The number of workers of each.
    """

    def __init__(self, folder: Path, postgres: str | None, clusters: tuple[int, ...] = WORKERS):
        super().__init__()
        self.folder = folder
        self.databases = {name: f"layerwise_{folder.name}_{name}" for name in ("mlflow", "prefect")}
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PREFECT_"))}
        self._environment = kept | {
            "PYTHONPATH": str(ROOT),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "LAYERWISE_SCRATCH": str(folder / "scratch"),
        }
        try:
            self._begin(postgres, clusters)
        except BaseException:
            self.close()
            raise

    def _begin(self, postgres: str | None, clusters: tuple[int, ...]) -> None:
        mlflow, prefect = _free_port(), _free_port()
        store = f"sqlite:///{self.folder}/mlflow.db"
        if postgres:
            for database in self.databases.values():
                self._database("createdb", postgres, database)
            at = f"{postgres}/{self.databases['prefect']}"
            connection = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://{at}"}
            store = f"postgresql://{postgres}/{self.databases['mlflow']}"
        else:
            connection = {}
        self.servers = {
            "MLflow's server": self._start(
                "mlflow", "server", "--port", str(mlflow), "--workers", "1",
                "--backend-store-uri", store,
                "--artifacts-destination", str(self.folder / "artifacts"),
            ),
            "Prefect's server": self._start(
                "prefect", "server", "start", "--port", str(prefect), **connection
            ),
        }  # fmt: skip
        _wait_for(f"http://127.0.0.1:{mlflow}/health")
        _wait_for(f"http://127.0.0.1:{prefect}/api/health")
        self.mlflow, self.prefect = Counted(mlflow), Counted(prefect)
        self.environment = self._environment | {
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{self.mlflow.port}",
            "PREFECT_API_URL": f"http://127.0.0.1:{self.prefect.port}/api",
        }
        self.addresses: dict[int, str] = {}
        self.schedulers: dict[int, psutil.Process] = {}
        self.workers: dict[int, list[psutil.Process]] = {}
        for number in clusters:
            self._cluster(number)

    def read(self, number: int) -> dict[str, float]:
        """What the parts have used since they began, with the cluster of so many workers.

        Seconds of processors by the name of the part; bytes and requests by what they are.
        """
        with Client(self.addresses[number], set_as_default=False) as client:
            through_dask = client.run_on_scheduler(bytes_passed)
        return {
            **{name: _processor(server) for name, server in self.servers.items()},
            **{f"PostgreSQL, {name}": _of_database(d) for name, d in self.databases.items()},
            "Dask's scheduler": _processor(self.schedulers[number]),
            "workers": sum(map(_processor, self.workers[number])),
            "bytes, Dask": through_dask,
            "bytes, MLflow": self.mlflow.bytes,
            "bytes, Prefect": self.prefect.bytes,
            "requests, MLflow": self.mlflow.requests.total(),
            "requests, Prefect": self.prefect.requests.total(),
        }

    def _cluster(self, number: int) -> None:
        address = f"tcp://127.0.0.1:{_free_port()}"
        self.addresses[number] = address
        self.schedulers[number] = self._start(
            "dask", "scheduler", "--host", address, "--no-dashboard",
            "--preload", "benchmarks.cluster.scheduler_bytes",
        )  # fmt: skip
        self.workers[number] = [
            self._start(
                "dask", "worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny",
                **self.environment, **ONE_CORE,
            )
            for _ in range(number)
        ]  # fmt: skip
        with Client(address, timeout=120, set_as_default=False) as client:
            client.wait_for_workers(number, timeout=120)

    def _start(self, program: str, *arguments: str, **environment: str) -> psutil.Process:
        with (self.folder / f"{program}.txt").open("a") as log:
            process = psutil.Popen(
                [BIN / program, *arguments],
                cwd=self.folder,
                env=self._environment | environment,
                stdout=log,
                stderr=log,
            )
        self.callback(_end, process)
        return process

    def _database(self, program: str, postgres: str, database: str) -> None:
        user, _, address = postgres.partition("@")
        host, _, port = address.partition(":")
        subprocess.run(
            [program, "--host", host, "--port", port, "--username", user, database], check=True
        )
        if program == "createdb":
            self.callback(self._database, "dropdb", postgres, database)


def _end(process: psutil.Process) -> None:
    for one in [*process.children(recursive=True), process]:
        one.kill()
    process.wait()


def _processor(process: psutil.Process) -> float:
    """Seconds that a process and those that it started have computed."""
    seconds = 0.0
    for one in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            seconds += times.user + times.system
    return seconds


def _of_database(database: str) -> float:
    """The same of PostgreSQL's processes that serve a database: each has its name in its title."""
    seconds = 0.0
    for one in psutil.process_iter():
        with suppress(psutil.Error):
            title: list[Any] = one.cmdline()
            if title and title[0].startswith("postgres:") and f" {database} " in title[0]:
                seconds += _processor(one)
    return seconds


def _wait_for(url: str) -> None:
    end = time.monotonic() + 180
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.3)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
