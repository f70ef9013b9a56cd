"""A way to a server on loopback that counts what passes: bytes, and HTTP requests by their kind."""

import asyncio
import re
from collections import Counter
from threading import Event, Thread

REQUEST = re.compile(rb"^(GET|POST|PATCH|PUT|DELETE) ([^\s?]+)\S* HTTP/1", re.MULTILINE)
ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
AT_ONCE = 2**16


class Counted:
    """Listens on a port of its own, in a thread of its own, and passes everything on."""

    def __init__(self, port: int):
        self.bytes = 0
        """In both directions."""
        self.requests: Counter[str] = Counter()
        """By method and path, without ids."""
        self._to = port
        self._listening = Event()
        Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        self._listening.wait()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port: int = server.sockets[0].getsockname()[1]
        self._listening.set()
        await server.serve_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        await asyncio.gather(
            self._pass(reader, far_writer, asks=True), self._pass(far_reader, writer, asks=False)
        )

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asks: bool
    ) -> None:
        try:
            while part := await reader.read(AT_ONCE):
                self.bytes += len(part)
                if asks:
                    for method, path in REQUEST.findall(part):
                        self.requests[f"{method.decode()} {ID.sub('ID', path.decode())}"] += 1
                writer.write(part)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
