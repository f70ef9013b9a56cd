"""For this machine alone: the address that servers listen on, the names that they answer to.

A page of a foreign site may have its own name lead to 127.0.0.1 (DNS rebinding). Its requests then
bear that name in their Host header, by which they are known and refused.
"""

import sys
from pathlib import Path
from typing import Any

from flows.interpreter import collector_paused

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
ROOT = Path(__file__).parents[2]


def prefect_command(port: int) -> list[str | Path]:
    """The program that serves `prefect_app`."""
    return [
        sys.executable, "-m", "uvicorn", "--app-dir", ROOT, "--factory",
        "flows.server.loopback:prefect_app", "--host", HOST, "--port", str(port),
    ]  # fmt: skip


def prefect_environment(port: int) -> dict[str, str]:
    """Settings of its server: where its own page calls, and that no other site may."""
    return {
        # Without it Prefect's page calls port 4200, whatever its own port.
        "PREFECT_SERVER_UI_API_URL": f"http://{HOST}:{port}/api",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ",".join(f"http://{name}:{port}" for name in NAMES),
    }


def prefect_app() -> Any:
    """Prefect's API and page as an ASGI application: 400 for a request to any name but `NAMES`.

    Prefect has no setting for this. uvicorn runs the application by the name of this function.
    """
    with collector_paused():
        from alembic.config import Config
        from prefect.server.api.server import create_app
        from starlette.middleware.trustedhost import TrustedHostMiddleware

        # Prefect's migrations put the current folder before all others that are imported from.
        Config.get_prepend_sys_paths_list = lambda self: []  # type: ignore[method-assign]
        return TrustedHostMiddleware(create_app(final=True), NAMES, www_redirect=False)
