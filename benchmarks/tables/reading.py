"""Time and peak memory of reading a large CSV file, in two checkouts, in turn in one run.

Usage: python -m benchmarks.tables.reading BEFORE AFTER [ROWS]

The file has 40 columns of numbers with six digits and a label; 3,000,000 rows, about 1 GB, unless
said otherwise. Each reading is a process of its own, which reads the rows as a run does, with the
default `data.memory`.
"""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from benchmarks.running import BUILD

ROWS = 3_000_000
BLOCK = 100_000
COLUMNS = 40
ROUNDS = 3
READER = """
import json, os, resource, sys, time
from pathlib import Path
from pipeline.config.data import DataConfig
from pipeline.data.sources.read import read

began, used = time.perf_counter(), sum(os.times()[:2])
source = read(DataConfig(source=sys.argv[1], label="label"), Path(sys.argv[2]))
seconds, used = time.perf_counter() - began, sum(os.times()[:2]) - used
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
total = float(source.numbers[:1000].sum())
print(json.dumps({"seconds": seconds, "processor": used, "peak": peak, "sum": total}))
"""


def write(file: Path, rows: int) -> None:
    """The same file each time."""
    rng = np.random.default_rng(0)
    names = [f"number {n}" for n in range(COLUMNS)]
    for start in range(0, rows, BLOCK):
        block = pd.DataFrame(rng.normal(size=(min(BLOCK, rows - start), COLUMNS)), columns=names)
        block["label"] = rng.integers(0, 3, len(block))
        block.to_csv(file, mode="a", header=start == 0, index=False, float_format="%.6f")


def read_in(checkout: Path, file: Path) -> dict[str, float]:
    """Seconds, those of the processor, and peak memory in GiB of one reading."""
    scratch = BUILD / "reading"
    done = subprocess.run(
        [sys.executable, "-c", READER, file, scratch],
        cwd=checkout, env={"PYTHONPATH": str(checkout), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Print a line for each checkout, and the ratio."""
    before, after = (Path(folder).resolve() for folder in sys.argv[1:3])
    rows = int(sys.argv[3]) if len(sys.argv) > 3 else ROWS
    folder = BUILD / "reading"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "large.csv"
    file.unlink(missing_ok=True)
    write(file, rows)
    found: dict[Path, list[dict[str, float]]] = {before: [], after: []}
    for _ in range(ROUNDS):
        for checkout, readings in found.items():
            readings.append(read_in(checkout, file))
    assert len({reading["sum"] for readings in found.values() for reading in readings}) == 1
    print(f"{file.stat().st_size / 2**30:.2f} GiB, {rows:,} rows, {COLUMNS} columns of numbers\n")
    print("| code | seconds | of the processor | peak memory, GiB |\n| - | - | - | - |")
    for name, readings in zip(("before", "after"), found.values(), strict=True):
        seconds = sorted(reading["seconds"] for reading in readings)
        peak = max(reading["peak"] for reading in readings)
        processor = median(reading["processor"] for reading in readings)
        spread = f"{median(seconds):.1f} ({seconds[0]:.1f} to {seconds[-1]:.1f})"
        print(f"| {name} | {spread} | {processor:.1f} | {peak:.1f} |")
    for kind in ("seconds", "processor"):
        pairs = zip(found[after], found[before], strict=True)
        ratio = median(now[kind] / then[kind] for now, then in pairs)
        print(f"\nAfter to before, {kind}, median of the rounds: {ratio:.2f}")


if __name__ == "__main__":
    main()
