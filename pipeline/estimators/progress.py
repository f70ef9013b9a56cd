"""What is told of a fit while it trains: one line on standard error, and metrics to a log."""

import sys
import time
from collections.abc import Callable, Mapping

from pipeline.training.progress import Progress, Watch

SECONDS = 0.2
"""Between two changes of the line."""

Log = Callable[[Mapping[str, float], int], None]
"""Takes metrics by their names, and the epoch that they are of."""


class Telling:
    """Tells what is trained and how far it is; nothing to those who did not ask."""

    def __init__(self, line: bool, log: Log | None = None):
        """`line` says whether one is wanted."""
        self._line = line
        self._log = log
        self._written = 0.0

    def watch(self, what: str, part: str) -> Watch:
        """What is told of a training: of people's name for it, and of the one that metrics have."""

        def tell(progress: Progress) -> None:
            if self._line:
                self._write(what, progress)
            if self._log and progress.metrics is not None:
                self._log(_metrics(part, progress), progress.epoch)

        return tell

    def _write(self, what: str, progress: Progress) -> None:
        now = time.monotonic()
        done = progress.done == progress.total
        if now - self._written < SECONDS and not done:
            return
        self._written = now
        name = f"{what}, {progress.attempt}" if progress.attempt else what
        text = f"{name}: {progress.done / progress.total:4.0%}, loss {progress.loss:.4g}"
        print(f"\r{text:<78}", end="\n" if done else "", file=sys.stderr, flush=True)


def _metrics(part: str, progress: Progress) -> dict[str, float]:
    """Those of an epoch, as `level_1/loss` or `finetune/loss_rate_0.3`."""
    after = f"_{progress.attempt}" if progress.attempt not in ("", part) else ""
    measured = {"loss": progress.loss, **(progress.metrics or {})}
    return {f"{part}/{name}{after}": value for name, value in measured.items()}
