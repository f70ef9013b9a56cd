"""MLflow's and Prefect's own pages, on loopback."""

import os
import subprocess
import sys
from pathlib import Path

from flows.progress import console
from pipeline.tracker import tracking_uri

HOST = "127.0.0.1"


def serve_pages(mlflow_port: int, prefect_port: int) -> None:
    """Run both servers until one ends or the user interrupts."""
    programs = Path(sys.executable).parent
    prefect_url = f"http://{HOST}:{prefect_port}"
    commands: list[list[str | Path]] = [
        [programs / "mlflow", "server", "--backend-store-uri", tracking_uri(),
         "--host", HOST, "--port", str(mlflow_port)],
        [programs / "prefect", "server", "start", "--host", HOST, "--port", str(prefect_port)],
    ]  # fmt: skip
    environment = os.environ | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        # Without it Prefect's page calls port 4200, whatever its own port.
        "PREFECT_SERVER_UI_API_URL": f"{prefect_url}/api",
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
