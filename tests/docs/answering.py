"""Waits until a server answers; run by the scripts of `running.py` with the server's process id.

It answers when it, or a process that it started, listens on a port. One without a port (a schedule
that is served) has to stay alive for a while.
"""

import sys
import time

import psutil

WITHOUT_PORT = 90
"""Seconds to stay alive for; long, for a slow machine may need them to open a port."""


def listens(server: psutil.Process) -> bool:
    """Whether it, or a process that it started, listens on a port."""
    for process in [server, *server.children(recursive=True)]:
        try:
            connections = process.net_connections("tcp")
        except psutil.NoSuchProcess:
            continue
        if any(connection.status == psutil.CONN_LISTEN for connection in connections):
            return True
    return False


def wait_for(process_id: int) -> None:
    """Return when the server answers; end with a message if it ended."""
    try:
        server = psutil.Process(process_id)
        end = time.monotonic() + WITHOUT_PORT
        while time.monotonic() < end and not listens(server):
            time.sleep(0.3)
        if server.status() != psutil.STATUS_ZOMBIE:
            return
    except psutil.NoSuchProcess:
        pass
    sys.exit("the server ended")


if __name__ == "__main__":
    wait_for(int(sys.argv[1]))
