"""Something that is done now and again beside other work."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def repeated(action: Callable[[], object], seconds: float) -> Iterator[None]:
    """While the block lasts, a thread calls the action, so long after it began and after each call.

    An error of the action, such as a server that is away, is no reason to stop: it comes again.
    """
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(seconds):
            with suppress(Exception):
                action()

    thread = threading.Thread(target=go_on, name=f"repeated {action}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
