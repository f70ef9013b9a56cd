"""A whole run over synthetic rows of several sizes, up to 20 GB, within one budget of memory.

Two more are given memory enough for their rows: their peaks tell what a byte of rows costs. Rows
are mixtures of a few patterns with noise, classes are those of the strongest pattern. What is
told: the peak of the resident memory of `layerwise run`, its servers and workers left out, and how
fast it pretrained; the curve of the largest run is drawn. The rows lie in build/, which needs about
twice their size, and are removed at the end.

Usage: python -m benchmarks.size.any_size [GIGABYTES ...]
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import psutil

from benchmarks.running import BUILD
from pipeline.data.rows.streamed import write_rows

FEATURES = 784
CLASSES = 10
BUDGET = 2
"""GiB that rows may take."""
SIZES = (1.0, 5.0, 20.0)
RESIDENT_BUDGET = 8
RESIDENT_SIZES = (0.5, 2.0)
BLOCK = 50_000
SECONDS = 0.5
HELD_OUT = 5000
FOLDER = BUILD / "any_size"


class Measured(NamedTuple):
    """One run."""

    rows: int
    gigabytes: float
    seconds: float
    rows_per_second: float
    """Of the first level's pretraining, reading included."""
    peak: float
    """GiB."""
    curve: list[tuple[float, float]]
    """Seconds since the start and GiB."""


def main(sizes: list[float]) -> None:
    """Run all sizes, print Markdown tables, write JSON and the picture."""
    resident = [measure(size, RESIDENT_BUDGET) for size in RESIDENT_SIZES]
    streamed = [measure(size, BUDGET) for size in sizes]
    results = BUILD / "size"
    results.mkdir(exist_ok=True)
    few, many = resident
    per_byte = (many.peak - few.peak) * 2**30 / ((many.gigabytes - few.gigabytes) * 1e9)
    found = {
        "bytes_per_byte_of_rows": per_byte,
        "resident": [run._asdict() for run in resident],
        "streamed": [run._asdict() for run in streamed],
    }
    (results / "any_size.json").write_text(json.dumps(found, indent=1))
    draw(streamed[-1], results / "any_size.png")
    print(f"Rows of {FEATURES} float32\n")
    print(
        "| data.memory, GiB | rows | GB on disk | run, s | rows/s in level 1 | peak memory, GiB |"
    )
    print("| -: | -: | -: | -: | -: | -: |")
    for budget, runs in ((RESIDENT_BUDGET, resident), (BUDGET, streamed)):
        for run in runs:
            print(
                f"| {budget} | {run.rows:,} | {run.gigabytes:.1f} | {run.seconds:.0f} | "
                f"{run.rows_per_second:,.0f} | {run.peak:.2f} |"
            )
    print(f"\nOf rows that fit, each byte adds {per_byte:.2f} bytes to the peak.")


def measure(gigabytes: float, budget: float) -> Measured:
    """Make the rows, run over them once and remove them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        return _measure(gigabytes, budget)
    finally:
        shutil.rmtree(FOLDER)


def _measure(gigabytes: float, budget: float) -> Measured:
    rows = round(gigabytes * 1e9 / (4 * FEATURES))
    labels: list[np.ndarray] = []
    write_rows(FOLDER / "x.npy", synthetic(rows, labels))
    np.save(FOLDER / "y.npy", np.concatenate(labels))
    summary = FOLDER / "summary.json"
    level = {"units": 256, "epochs": 1, "sparsity": {"mechanism": "topk", "k": 32}}
    config: dict[str, Any] = {
        "name": "any-size",
        "data": {"source": str(FOLDER), "memory": budget, "test": HELD_OUT, "validation": HELD_OUT},
        "stack": [level, level | {"units": 64, "sparsity": {"mechanism": "topk", "k": 16}}],
        "finetune": {"arms": ["pretrained", "random"], "label_budgets": [1000], "seeds": 1},
    }
    (FOLDER / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
    program = Path(sys.executable).with_name("layerwise")
    began = time.perf_counter()
    with (FOLDER / "log").open("w") as log:
        command = [program, "run", FOLDER / "config.yaml", "--summary", summary]
        process = psutil.Popen(command, cwd=FOLDER, stdout=log, stderr=subprocess.STDOUT)
        curve = list(resident_memory(process, began))
    if process.returncode:
        raise RuntimeError((FOLDER / "log").read_text())
    found = json.loads(summary.read_text())
    trained = rows - 2 * HELD_OUT
    return Measured(
        rows=rows,
        gigabytes=gigabytes,
        seconds=time.perf_counter() - began,
        rows_per_second=trained / found["layers"][0]["seconds"],
        peak=max(memory for _, memory in curve),
        curve=curve,
    )


def synthetic(rows: int, labels: list[np.ndarray]) -> Iterator[np.ndarray]:
    """Rows (rows, features) in blocks; their classes are appended to `labels`."""
    random = np.random.default_rng(0)
    patterns = random.standard_normal((CLASSES, FEATURES), np.float32)
    for start in range(0, rows, BLOCK):
        number = min(BLOCK, rows - start)
        strength = random.random((number, CLASSES), np.float32) ** 4
        labels.append(strength.argmax(axis=1))
        yield strength @ patterns + 0.3 * random.standard_normal((number, FEATURES), np.float32)


def resident_memory(process: psutil.Popen, began: float) -> Iterator[tuple[float, float]]:
    """Seconds since `began` and GiB, every half second until the process ends."""
    while process.poll() is None:
        try:
            yield time.perf_counter() - began, process.memory_info().rss / 2**30
        except psutil.NoSuchProcess:
            return
        time.sleep(SECONDS)


def draw(run: Measured, file: Path) -> None:
    """The curve of one run."""
    figure, axes = plt.subplots(figsize=(8, 3.5), layout="constrained")
    axes.plot(*zip(*run.curve, strict=True))
    axes.set_xlabel("seconds")
    axes.set_ylabel("resident memory, GiB")
    axes.set_ylim(bottom=0)
    axes.set_title(f"{run.gigabytes:.0f} GB of rows, data.memory: {BUDGET}")
    figure.savefig(file, dpi=110)


if __name__ == "__main__":
    main([float(size) for size in sys.argv[1:]] or list(SIZES))
