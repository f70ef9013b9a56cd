"""Counts what a Dask scheduler sends and receives: `dask scheduler --preload` runs it there.

Everything between a run and its workers passes the scheduler: tasks, their results, heartbeats.
"""

from tornado.iostream import IOStream

passed = 0


def bytes_passed() -> int:
    """Called in the scheduler: how many bytes it has sent and received."""
    return passed


def dask_setup(scheduler: object) -> None:
    """Dask calls it before the scheduler opens its port."""
    send, receive = IOStream.write_to_fd, IOStream.read_from_fd

    def counted_send(stream: IOStream, data: memoryview) -> int:
        global passed
        sent = send(stream, data)
        passed += sent
        return sent

    def counted_receive(stream: IOStream, buffer: bytearray | memoryview) -> int | None:
        global passed
        received = receive(stream, buffer)
        passed += received or 0
        return received

    IOStream.write_to_fd, IOStream.read_from_fd = counted_send, counted_receive
