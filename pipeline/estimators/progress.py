"""One line that says how far training is."""

import sys
import time

from pipeline.training.progress import Progress, Watch

SECONDS = 0.2
"""Between two changes of the line."""


class ProgressLine:
    """Writes to standard error what is trained and how far it is; nothing if it is not wanted."""

    def __init__(self, wanted: bool):
        self._wanted = wanted
        self._written = 0.0

    def watch(self, what: str) -> Watch:
        """What is told of the training that has this name."""

        def write(progress: Progress) -> None:
            now = time.monotonic()
            done = progress.done == progress.total
            if not self._wanted or (now - self._written < SECONDS and not done):
                return
            self._written = now
            name = f"{what}, {progress.attempt}" if progress.attempt else what
            text = f"{name}: {progress.done / progress.total:4.0%}, loss {progress.loss:.4g}"
            print(f"\r{text:<78}", end="\n" if done else "", file=sys.stderr, flush=True)

        return write
