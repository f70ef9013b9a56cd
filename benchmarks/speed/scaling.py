"""How the time of pretraining grows with rows, width, depth and cores: by a straight line, or not.

Each line of the table is the time of one epoch beside what the first line of its group would be if
time were in proportion (to rows, units, levels; against the inverse of cores). Levels of a deep
stack are equally wide. Fashion-MNIST, batches of 256; repeats are interleaved and medians told.

Usage: python -m benchmarks.speed.scaling
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.running import BUILD

REPEATS = 7
ROWS = 6400
UNITS = 512
GROUPS: dict[str, tuple[int, ...]] = {
    "rows": (ROWS, 4 * ROWS, 16 * ROWS, 64 * ROWS),
    "units": (256, 512, 1024, 2048, 4096),
    "levels": (1, 2, 4, 8),
}


def main() -> None:
    """Measure, print a Markdown table and write it as JSON."""
    from pipeline.cores import cores

    seconds = measured()
    seconds["cores"] = {number: of_cores(number) for number in range(1, cores() + 1)}
    file = BUILD / "speed" / "scaling.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(seconds, indent=1))
    print("| what grows | | epoch, s | in proportion, s | ratio |")
    print("| - | -: | -: | -: | -: |")
    for group, times in seconds.items():
        (first, of_first), *_ = times.items()
        for size, taken in times.items():
            ratio = first / size if group == "cores" else size / first
            expected = of_first * ratio
            print(f"| {group} | {size:,} | {taken:.2f} | {expected:.2f} | {taken / expected:.2f} |")


def measured() -> dict[str, dict[int, float]]:
    """Seconds of an epoch for each size of each group."""
    from benchmarks.speed.training import timed

    works = {
        (group, size): epoch(**{group: size}) for group, sizes in GROUPS.items() for size in sizes
    }
    for work in works.values():
        work()  # compiles
    times: dict[tuple[str, int], list[float]] = {name: [] for name in works}
    for _ in range(REPEATS):
        for name, work in works.items():
            times[name].append(timed(work))
    return {
        group: {size: statistics.median(times[group, size]) for size in sizes}
        for group, sizes in GROUPS.items()
    }


def epoch(rows: int = ROWS, units: int = UNITS, levels: int = 0) -> Callable[[], None]:
    """Trains for an epoch: one level on images, or so many levels on rows as wide as they are.

    With XLA where a long run would choose it.
    """
    from benchmarks.speed.training import engine
    from pipeline.config.level import LevelConfig
    from pipeline.data.sources.builtin import read_builtin
    from pipeline.training.pretraining.level import trains_with_xla

    pixels = read_builtin("fashion_mnist").x.reshape(-1, 784)
    data = np.resize(pixels, (rows, units if levels else 784)).astype("float32") / 255
    level = LevelConfig(units=units)
    xla = trains_with_xla(level, data, steps=10**6)
    trained = [engine(level, data, xla) for _ in range(max(levels, 1))]

    def train() -> None:
        for one in trained:
            one.epoch()

    return train


def of_cores(number: int) -> float:
    """Seconds of an epoch in a process with so many threads."""
    script = (
        "import statistics; from benchmarks.speed.scaling import REPEATS, ROWS, epoch; "
        "from benchmarks.speed.training import timed; train = epoch(4 * ROWS); train(); "
        "print(statistics.median(timed(train) for _ in range(REPEATS)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"TF_NUM_INTRAOP_THREADS": str(number)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout)


if __name__ == "__main__":
    main()
