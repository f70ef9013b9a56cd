"""A listener on loopback that keeps what is posted to it, as slow and as rude as it is told."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Listener:
    """Its address, and the notices that it was sent."""

    def __init__(self, address: str):
        self.address = address
        self.notices: list[dict[str, Any]] = []


@contextmanager
def listening(status: int = 204, seconds: float = 0.0) -> Iterator[Listener]:
    """A listener that answers with this status after these seconds."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            listener.notices.append(json.loads(content))
            time.sleep(seconds)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener = Listener(f"http://127.0.0.1:{server.server_port}/hook/t0ken")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()
