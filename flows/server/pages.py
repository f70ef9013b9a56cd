"""MLflow's and Prefect's own pages, on loopback and for its names alone."""

import os
import subprocess
import sys
from pathlib import Path

from flows.server.loopback import HOST, NAMES, prefect_command, prefect_environment
from flows.terminal import console
from pipeline.tracking.store import database_file, make_store, tracking_uri


def serve_pages(mlflow_port: int, prefect_port: int) -> None:
    """Run both servers until one ends or the user interrupts.

    They refuse requests that were made to another host's name, and other sites' scripts.
    """
    if database_file(tracking_uri()):
        make_store(tracking_uri())  # where its folder was moved the pages show what lies there now
    programs = Path(sys.executable).parent
    prefect_url = f"http://{HOST}:{prefect_port}"
    allowed = [pattern for name in NAMES for pattern in (name, f"{name}:*")]
    commands: list[list[str | Path]] = [
        [programs / "mlflow", "server", "--host", HOST, "--port", str(mlflow_port),
         "--allowed-hosts", ",".join(allowed)],
        prefect_command(prefect_port),
    ]  # fmt: skip
    environment = os.environ | {
        # Not as an option, which every user of the machine can read: it may have a password.
        "MLFLOW_BACKEND_STORE_URI": tracking_uri(),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        **prefect_environment(prefect_port),
    }
    quiet = subprocess.DEVNULL
    servers = [
        subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)
        for command in commands
    ]
    console.print(
        f"MLflow:  http://{HOST}:{mlflow_port}\nPrefect: {prefect_url}\nCtrl-C ends both."
    )
    try:
        while all(server.poll() is None for server in servers):
            try:
                servers[0].wait(timeout=1)
            except subprocess.TimeoutExpired:
                continue
    except KeyboardInterrupt:
        return
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait()
    raise OSError("a server ended; is its port taken? See --mlflow-port and --prefect-port.")
