"""How long MLflow's server takes to write an arm's record, with so many at a time, by database.

Records are those of trials of fine-tuning without artifacts, sent from threads of this process.
Servers over SQLite and, where an address is given, over PostgreSQL take turns.

Usage: python -m benchmarks.cluster.records [USER@HOST:PORT of a PostgreSQL server]
"""

import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from statistics import median, quantiles

from benchmarks.cluster.parts import Parts
from benchmarks.running import BUILD
from pipeline.tracking.tracker import Tracker

AT_A_TIME = (1, 8)
RECORDS = 24
"""In each turn."""
TURNS = 2


def main(postgres: str | None) -> None:
    """Measure and print a Markdown table."""
    BUILD.mkdir(exist_ok=True)
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    with ExitStack() as stack:
        stores = {}
        for name, address in (("SQLite", None), ("PostgreSQL", postgres)):
            if name == "SQLite" or address:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=BUILD)))
                parts = stack.enter_context(Parts(folder, address, clusters=()))
                stores[name] = Tracker(parts.environment["MLFLOW_TRACKING_URI"], "records")
        seconds: dict[tuple[int, str], list[float]] = {}
        rates: dict[tuple[int, str], list[float]] = {}
        numbers = count()
        for at_a_time in AT_A_TIME:
            for _ in range(TURNS):
                for name, tracker in stores.items():
                    began = time.monotonic()
                    taken = _many(tracker, [next(numbers) for _ in range(RECORDS)], at_a_time)
                    rate = RECORDS / (time.monotonic() - began)
                    seconds.setdefault((at_a_time, name), []).extend(taken)
                    rates.setdefault((at_a_time, name), []).append(rate)
    print("| at a time | database | a record, s | 95 % within, s | records a second |")
    print("| -: | - | -: | -: | -: |")
    for (at_a_time, name), taken in seconds.items():
        within = quantiles(taken, n=20)[-1]
        rate = median(rates[at_a_time, name])
        print(f"| {at_a_time} | {name} | {median(taken):.2f} | {within:.2f} | {rate:.1f} |")


def _many(tracker: Tracker, numbers: list[int], at_a_time: int) -> list[float]:
    with ThreadPoolExecutor(at_a_time) as pool:
        return list(pool.map(lambda number: _written(tracker, number), numbers))


def _written(tracker: Tracker, number: int) -> float:
    began = time.monotonic()
    name = f"record {number}"
    tracker.finished(name)
    with tracker.stage(name, "finetune", None, {"key": name, "cached": False}) as record:
        record.params({f"p{n}": n for n in range(20)})
        for step in range(10):
            record.metrics({"loss": 1 / (1 + step), "score": step / 10}, step)
    return time.monotonic() - began


if __name__ == "__main__":
    main(*(sys.argv[1:2] or [None]))
