"""MLflow's and Prefect's own pages, on loopback and for its names alone."""

import shlex
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

import psutil
from prefect.settings import get_current_settings

from flows.server.loopback import HOST, NAMES, prefect_command, prefect_environment
from flows.server.process import last_lines, start_server
from flows.server.recognition import answer, is_mlflow, is_prefect, is_taken
from flows.terminal import console
from pipeline.credentials import redact
from pipeline.errors import InputError
from pipeline.tracking.identity import shows_this_store
from pipeline.tracking.store import database_file, open_store, tracking_uri

HTTP = ("http://", "https://")
END_SECONDS = 10
"""For a server to answer what it was asked; then it is killed."""


class Page(NamedTuple):
    """A page, and the server to start for it; no command where it is there already."""

    name: str
    address: str
    command: list[str | Path]
    environment: dict[str, str]


class _Server(NamedTuple):
    page: Page
    process: subprocess.Popen[bytes]
    errors: IO[bytes]


def serve_pages(mlflow_port: int, prefect_port: int) -> None:
    """Show both pages until the user interrupts: a server that is there is used, and left running.

    Those that are started refuse requests that were made to another host's name, and other sites'
    scripts. Raises `InputError` where there is no store, and for a port that something else has;
    `OSError` when a server ends.
    """
    uri = tracking_uri()
    if database_file(uri) or uri.startswith(HTTP):  # of others MLflow's server says what is wrong
        open_store()  # where its folder was moved the pages show what lies there now
    pages = [_mlflow_page(mlflow_port), _prefect_page(prefect_port)]
    for page in pages:
        if page.command:
            console.print(f"{page.name}: starting at {page.address}")
        else:
            console.print(f"{page.name}: ready at {page.address} (it was running, and stays so)")
    with ExitStack() as running:
        servers = [running.enter_context(_started(page)) for page in pages if page.command]
        try:
            _watch(servers)
        except KeyboardInterrupt:
            return


def _mlflow_page(port: int) -> Page:
    uri = tracking_uri()
    if uri.startswith(HTTP):  # `open_store` has seen that it answers
        return Page("MLflow", uri, [], {})
    address = f"http://{HOST}:{port}"
    if _is_there("MLflow", address, port, is_mlflow):
        _check_same_store(address)
        return Page("MLflow", address, [], {})
    hosts = [pattern for name in NAMES for pattern in (name, f"{name}:*")]
    program = Path(sys.executable).parent / "mlflow"
    # One worker: four of them, its default, import MLflow four times over at one moment.
    # By itself uvicorn puts the current folder before all others that are imported from.
    installed = sysconfig.get_path("purelib")
    command: list[str | Path] = [
        program, "server", "--host", HOST, "--port", str(port), "--workers", "1",
        "--allowed-hosts", ",".join(hosts), "--uvicorn-opts", f"--app-dir {shlex.quote(installed)}",
    ]  # fmt: skip
    environment = {
        # Not as an option, which every user of the machine can read: it may have a password.
        "MLFLOW_BACKEND_STORE_URI": uri,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_LOGGING_LEVEL": "ERROR",
        # Where warnings are errors it does not start: it warns of its own type hints.
        "PYTHONWARNINGS": "ignore",
    }
    return Page("MLflow", address, command, environment)


def _prefect_page(port: int) -> Page:
    address = f"http://{HOST}:{port}"
    api, page = get_current_settings().api.url, get_current_settings().ui_url
    if api and page and api not in {f"http://{name}:{port}/api" for name in NAMES}:
        if not answer(f"{api}/health"):
            raise InputError(
                f"No Prefect server answers at {redact(api)}. Start it, or unset PREFECT_API_URL: "
                f"then one is started at {address}."
            )
        return Page("Prefect", redact(page), [], {})
    if _is_there("Prefect", address, port, is_prefect):
        return Page("Prefect", address, [], {})
    environment = {"PREFECT_SERVER_LOGGING_LEVEL": "ERROR", **prefect_environment(port)}
    return Page("Prefect", address, prefect_command(port), environment)


def _is_there(name: str, address: str, port: int, recognised: Callable[[str], bool]) -> bool:
    if not is_taken(port):
        return False
    if not recognised(address):
        raise InputError(
            f"Port {port} is taken, and not by {name}. Give {name}'s page another one: "
            f"--{name.lower()}-port {port + 1}."
        )
    return True


def _check_same_store(address: str) -> None:
    same = shows_this_store(address)
    if same is None:
        console.print("MLflow: it wants a password; which store it shows cannot be seen")
    elif not same:
        raise InputError(
            f"The MLflow server at {address} shows another store than {redact(tracking_uri())}. "
            "Give the page of this one another port, --mlflow-port, or end that server."
        )


@contextmanager
def _started(page: Page) -> Iterator[_Server]:
    with tempfile.TemporaryFile() as errors:
        process = start_server(page.command, page.environment, errors)
        try:
            yield _Server(page, process, errors)
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    family = [process, *psutil.Process(process.pid).children(recursive=True)]
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        for member in family:
            with suppress(psutil.Error):
                member.kill()


def _watch(servers: list[_Server]) -> None:
    """Say of each page when it answers. Returns when no server was started; else waits for ever."""
    starting = list(servers)
    while servers:
        for server in servers:
            if server.process.poll() is not None:
                raise OSError(
                    f"{server.page.name}'s server at {server.page.address} ended. What it wrote "
                    f"last:\n{last_lines(server.errors)}"
                )
        for server in list(starting):
            found = answer(server.page.address)
            if found and found.status < 500:
                starting.remove(server)
                console.print(f"{server.page.name}: ready at {server.page.address}")
                if not starting:
                    console.print("Ctrl-C ends what was started.")
        time.sleep(0.2)
