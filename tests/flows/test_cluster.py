"""Trials on a Dask cluster that runs already: real schedulers and workers, one of which is killed.

The cluster's workers have a home and a scratch folder of their own.
"""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from tests.flows.conftest import COMMAND, Layerwise, free_port, settings

pytestmark = pytest.mark.slow
DASK = str(COMMAND.with_name("dask"))
TRIALS = settings("finetune.label_budgets=[30]", "finetune.min_steps=2000")


def without_addresses() -> dict[str, str]:
    """Our environment without stores and servers: MLflow sets its variable for a whole process."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PREFECT_"))}


class Cluster:
    """A scheduler and its workers, each a process."""

    def __init__(self, folder: Path):
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.log = folder / "dask.txt"
        self._folder = folder
        self._processes = [
            self._start("scheduler", "--host", self.address, "--no-dashboard", "--no-show")
        ]

    def add_worker(self, *before: str, **environment: str) -> None:
        """Start a worker, by the words `before` its command, and wait until it has joined."""
        joined = self.log.read_text().count("Starting established connection")
        worker = self._start(
            "worker", self.address, "--nthreads", "1", "--no-dashboard", "--no-nanny",
            before=before, **environment,
        )  # fmt: skip
        self.workers.append(worker)
        self._processes.append(worker)
        self.wait_for("Starting established connection", joined + 1)

    def wait_for(self, line: str, times: int, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while self.log.read_text().count(line) < times:
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.2)

    def end(self) -> None:
        for process in reversed(self._processes):
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait()

    def _start(
        self, *arguments: str, before: tuple[str, ...] = (), **environment: str
    ) -> subprocess.Popen[bytes]:
        own = {"LAYERWISE_SCRATCH": str(self._folder / f"scratch-{len(self.workers)}")}
        return subprocess.Popen(
            [*before, DASK, *arguments],
            cwd=self._folder,
            env=without_addresses() | own | environment,
            stdout=self.log.open("a"),
            stderr=subprocess.STDOUT,
        )


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    made = Cluster(folder)
    try:
        yield made
    finally:
        made.end()


def store_of(folder: Path) -> str:
    return f"sqlite:///{folder}/mlruns/mlflow.db"


def trials(folder: Path) -> list[Run]:
    client = MlflowClient(store_of(folder))
    found = client.get_experiment_by_name("digits")
    if not found:
        return []
    return client.search_runs([found.experiment_id], "tags.`layerwise.stage` = 'finetune'")


def on(address: str) -> list[str]:
    return ["--set", "execution.runner=dask", "--set", f"execution.address={address}"]


def figures(folder: Path) -> list[tuple[str, dict[str, float]]]:
    """Of each finished trial, without what it took.

    A trial whose worker dies before it has handed over the outcome is asked for again and found
    in the store: such a copy does not count.
    """
    finished = [
        run
        for run in trials(folder)
        if run.info.status == "FINISHED" and run.data.tags["layerwise.cached"] == "False"
    ]
    return sorted(
        (run.info.run_name, {k: v for k, v in run.data.metrics.items() if k != "seconds"})
        for run in finished
    )


@pytest.fixture(scope="module")
def sequential(
    make_workspace: Callable[[str], Path], layerwise: Layerwise
) -> list[tuple[str, dict[str, float]]]:
    """What the trials give one after the other."""
    folder = make_workspace("sequential")
    done = layerwise("run", "digits", *TRIALS, folder=folder)
    assert done.returncode == 0, done.stderr
    return figures(folder)


def test_a_killed_worker_costs_its_trial_one_more_try_and_the_figures_are_the_same(
    make_workspace: Callable[[str], Path],
    tmp_path: Path,
    layerwise: Layerwise,
    prefect_url: str,
    sequential: list[tuple[str, dict[str, float]]],
):
    folder = make_workspace("cluster")
    with cluster(tmp_path) as dask:
        for _ in range(2):
            dask.add_worker(MLFLOW_TRACKING_URI=store_of(folder))
        run = subprocess.Popen(
            [COMMAND, "run", "digits", *TRIALS, *on(dask.address)],
            cwd=folder,
            env=without_addresses() | {"PREFECT_API_URL": prefect_url},
            stderr=subprocess.PIPE,
            text=True,
        )
        while [trial.info.status for trial in trials(folder)].count("RUNNING") < 2:
            assert run.poll() is None, run.stderr.read()
            time.sleep(0.1)
        dask.workers[0].kill()
        _, messages = run.communicate(timeout=200)
    assert run.returncode == 0, messages
    assert figures(folder) == sequential
    statuses = [trial.info.status for trial in trials(folder)]
    assert sorted(set(statuses)) == ["FINISHED", "KILLED"]
    assert statuses.count("KILLED") == 1


def test_a_worker_that_does_not_see_the_rows_prepares_them_and_removes_those_of_ended_runs(
    make_workspace: Callable[[str], Path],
    tmp_path: Path,
    layerwise: Layerwise,
    sequential: list[tuple[str, dict[str, float]]],
):
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("a process cannot be given file systems of its own here")
    folder = make_workspace("elsewhere")
    own = tmp_path / "scratch-0"
    # The folder of the run's rows is an empty one for the worker, as on another machine.
    hidden = folder / "mlruns" / "scratch"
    hidden.mkdir()
    elsewhere = ("unshare", "--mount", "sh", "-c", f'mount -t tmpfs t {hidden} && exec "$@"', "sh")
    with cluster(tmp_path) as dask:
        dask.add_worker(*elsewhere, MLFLOW_TRACKING_URI=store_of(folder))
        done = layerwise("run", "digits", *TRIALS, *on(dask.address), folder=folder)
        assert done.returncode == 0, done.stderr
        assert figures(folder) == sequential
        first = [path.name for path in own.iterdir()]
        again = layerwise("run", "digits", *TRIALS, *on(dask.address), "--refresh", folder=folder)
        assert again.returncode == 0, again.stderr
    second = [path.name for path in own.iterdir()]
    assert (len(first), len(second)) == (1, 1)
    assert first != second
    assert (own / second[0] / "data" / "rows.npy").is_file()


def test_a_cluster_that_cannot_do_the_work_is_refused_with_every_reason(
    make_workspace: Callable[[str], Path], tmp_path: Path, layerwise: Layerwise
):
    folder, other = make_workspace("refused"), make_workspace("other_store")
    with cluster(tmp_path) as dask:
        none = layerwise("run", "digits", *TRIALS, *on(dask.address), folder=folder)
        dask.add_worker(MLFLOW_TRACKING_URI=store_of(other))
        dask.add_worker()
        other_stores = layerwise("run", "digits", *TRIALS, *on(dask.address), folder=folder)
    assert none.returncode == other_stores.returncode == 2
    assert "has no workers" in none.stderr
    assert "2 problems" in other_stores.stderr
    assert f"not in its MLflow store, {store_of(other)}" in other_stores.stderr
    assert f"no MLflow store at {store_of(tmp_path)}" in other_stores.stderr
    assert [run.info.status for run in trials(folder)] == []


def test_a_dead_address_is_refused_before_anything_is_read(
    make_workspace: Callable[[str], Path], layerwise: Layerwise
):
    folder = make_workspace("dead_address")
    result = layerwise("run", "digits", *on("tcp://127.0.0.1:9"), folder=folder)
    assert result.returncode == 2
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert [path.name for path in folder.iterdir()] == ["mlruns"]
