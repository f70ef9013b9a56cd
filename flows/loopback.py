"""For this machine alone: the address that servers listen on, the names that they answer to.

A page of a foreign site may have its own name lead to 127.0.0.1 (DNS rebinding). Its requests then
bear that name in their Host header, by which they are known and refused.
"""

from typing import Any

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")


def prefect_app() -> Any:
    """Prefect's API and page as an ASGI application: 400 for a request to any name but `NAMES`.

    Prefect has no setting for this. uvicorn runs the application by the name of this function.
    """
    from prefect.server.api.server import create_app
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    return TrustedHostMiddleware(create_app(final=True), NAMES, www_redirect=False)
